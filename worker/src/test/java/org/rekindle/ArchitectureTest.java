package org.rekindle;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Holds the arrows of the house: {@code worker -> coordinator -> data-streams}. */
class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("org.rekindle");

    @Test
    void dataStreamsKnowNothingOfTraining() {
        noClasses()
                .that()
                .resideInAPackage("org.rekindle.data..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.rekindle.coordinator..", "org.rekindle.worker..", "ai.djl..")
                .check(CLASSES);
    }

    @Test
    void theCoordinatorComputesNothing() {
        noClasses()
                .that()
                .resideInAPackage("org.rekindle.coordinator..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.rekindle.worker..", "ai.djl..")
                .check(CLASSES);
    }

    @Test
    void onePackageOwnsTheSharpEdgesOfTheEngine() {
        noClasses()
                .that()
                .resideOutsideOfPackage("org.rekindle.worker.torchscript..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl.pytorch..")
                .check(CLASSES);
    }

    @Test
    void onlyTheCommandLineParsesCommands() {
        noClasses()
                .that()
                .resideOutsideOfPackage("org.rekindle.worker.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("picocli..")
                .check(CLASSES);
    }

    @Test
    void namesSayWhatAThingIs() {
        noClasses().should().haveNameMatching(".*(Manager|Helper|Utils?|Impl)").check(CLASSES);
    }
}
