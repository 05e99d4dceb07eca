package org.rekindle;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Holds the arrows of the house: {@code worker -> coordinator -> data-streams}. */
@AnalyzeClasses(packages = "org.rekindle", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule DATA_STREAMS_KNOW_NOTHING_OF_TRAINING = noClasses()
            .that()
            .resideInAPackage("org.rekindle.data..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.rekindle.coordinator..", "org.rekindle.worker..", "ai.djl..");

    @ArchTest
    static final ArchRule THE_COORDINATOR_COMPUTES_NOTHING = noClasses()
            .that()
            .resideInAPackage("org.rekindle.coordinator..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.rekindle.worker..", "ai.djl..");

    @ArchTest
    static final ArchRule ONE_PACKAGE_OWNS_THE_SHARP_EDGES_OF_THE_ENGINE = noClasses()
            .that()
            .resideOutsideOfPackage("org.rekindle.worker.torchscript..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl.pytorch..");

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_LINE_PARSES_COMMANDS = noClasses()
            .that()
            .resideOutsideOfPackage("org.rekindle.worker.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("picocli..");

    @ArchTest
    static final ArchRule NAMES_SAY_WHAT_A_THING_IS =
            noClasses().should().haveNameMatching(".*(Manager|Helper|Utils?|Impl)");
}
