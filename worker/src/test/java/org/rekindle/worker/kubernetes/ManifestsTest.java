package org.rekindle.worker.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import io.fabric8.kubernetes.api.model.batch.v1.PodFailurePolicyRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.LaneShares;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.MonitoringServer;
import org.rekindle.data.shards.BraceExpansion;
import org.rekindle.worker.training.TrainingRun;

/** The objects in {@code configs/kubernetes} are of their kinds, and what they say of each other and of Rekindle holds. */
class ManifestsTest {

    private static final Manifests MANIFESTS = Manifests.read();
    private static final StatefulSet COORDINATORS = MANIFESTS.the(StatefulSet.class);
    private static final Job WORKERS = MANIFESTS.the(Job.class);
    private static final Service SERVICE = MANIFESTS.the(Service.class);
    private static final ConfigMap RECIPE = MANIFESTS.the(ConfigMap.class);

    /** Where the image has what the repository has in its root. */
    private static final String IMAGE_HOME = "/opt/rekindle/";

    @TempDir
    Path folder;

    static Stream<PodTemplateSpec> pods() {
        return Stream.of(COORDINATORS.getSpec().getTemplate(), WORKERS.getSpec().getTemplate());
    }

    @Test
    void aFieldThatKubernetesDoesNotKnowIsRefused() {
        Map<String, Object> job = Manifests.documents(
                        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {restartPolice: Never}}}}")
                .get(0);
        assertThatThrownBy(() -> Manifests.object(job)).hasMessageContaining("restartPolice");
    }

    @Test
    void theKustomizationHasEveryFileAndTheImageOfThePods() {
        Map<String, Object> kustomization = Manifests.documents(
                        Manifests.text(Manifests.FOLDER.resolve("kustomization.yaml")))
                .get(0);
        assertThat(kustomization.get("resources"))
                .asInstanceOf(InstanceOfAssertFactories.list(String.class))
                .containsExactlyInAnyOrderElementsOf(Manifests.files());
        assertThat(kustomization.get("images"))
                .isEqualTo(List.of(Map.of("name", "rekindle", "newName", "rekindle", "newTag", "0.1.0")));
        assertThat(pods().flatMap(ManifestsTest::containers).map(Container::getImage))
                .containsOnly("rekindle:0.1.0");
    }

    @Test
    void noTwoObjectsShareAKindAndAName() {
        assertThat(MANIFESTS.all().stream()
                        .map(object ->
                                object.getKind() + "/" + object.getMetadata().getName()))
                .doesNotHaveDuplicates()
                .hasSize(7);
    }

    @Test
    void theServiceNamesCoordinatorsThatAreNotReadyYet() {
        assertThat(COORDINATORS.getSpec().getServiceName()).isEqualTo(name(SERVICE));
        assertThat(SERVICE.getSpec().getClusterIP()).isEqualTo("None");
        assertThat(SERVICE.getSpec().getPublishNotReadyAddresses()).isTrue();
        assertThat(labels(COORDINATORS.getSpec().getTemplate()))
                .containsAllEntriesOf(SERVICE.getSpec().getSelector());
        assertThat(SERVICE.getSpec().getPorts().stream().map(port -> Map.entry(port.getName(), port.getPort())))
                .containsExactlyInAnyOrderElementsOf(
                        train(COORDINATORS.getSpec().getTemplate()).getPorts().stream()
                                .map(port -> Map.entry(port.getName(), port.getContainerPort()))
                                .toList());
        // one after the other, the second would wait for a first that may wait for it
        assertThat(COORDINATORS.getSpec().getPodManagementPolicy()).isEqualTo("Parallel");
    }

    @ParameterizedTest
    @MethodSource("pods")
    void allGoToTheFirstCoordinator(PodTemplateSpec pod) {
        String first = name(COORDINATORS) + "-0." + name(SERVICE);
        assertThat(containers(pod).map(container -> environment(container).get("MASTER_ADDR")))
                .containsOnly(first);
        ServicePort port = SERVICE.getSpec().getPorts().get(0);
        assertThat(port.getName()).isEqualTo("master");
        assertThat(environment(train(pod))).containsEntry("MASTER_PORT", Integer.toString(port.getPort()));
    }

    @Test
    void theFirstCoordinatorListensWhereTheOthersGo() {
        Container train = train(COORDINATORS.getSpec().getTemplate());
        Map<String, String> environment = environment(train);
        assertThat(variable(train, "RANK").getValueFrom().getFieldRef().getFieldPath())
                .isEqualTo("metadata.labels['apps.kubernetes.io/pod-index']");
        environment.put("RANK", "0");

        NodePlace place = NodePlace.of(environment);

        assertThat(place.isFirst()).isTrue();
        assertThat(place.host() + ":" + place.port()).isEqualTo("rekindle-coordinator-0.rekindle:29500");
        assertThat(place.nodes())
                .isEqualTo(
                        COORDINATORS.getSpec().getReplicas() + WORKERS.getSpec().getParallelism());
    }

    /** Pekko's keep-oldest lets the others go on without a silent leader only where they are more than it, counted among those who may lead. */
    @Test
    void whoMayLeadAreTheCoordinatorsAndThree() {
        assertThat(COORDINATORS.getSpec().getReplicas()).isEqualTo(3);
        assertThat(environment(train(COORDINATORS.getSpec().getTemplate()))).doesNotContainKey("REKINDLE_JAVA_OPTS");
        assertThat(environment(train(WORKERS.getSpec().getTemplate())))
                .containsEntry("REKINDLE_JAVA_OPTS", "-Dpekko.cluster.roles.0=worker");
    }

    @Test
    void theBudgetTakesOneCoordinatorAtATimeAndLetsWorkersGo() {
        PodDisruptionBudget budget = MANIFESTS.the(PodDisruptionBudget.class);
        Map<String, String> selected = budget.getSpec().getSelector().getMatchLabels();
        assertThat(labels(COORDINATORS.getSpec().getTemplate())).containsAllEntriesOf(selected);
        assertThat(labels(WORKERS.getSpec().getTemplate()).entrySet())
                .doesNotContainAnyElementsOf(List.of(Map.entry("role", selected.get("role"))));
        assertThat(budget.getSpec().getMinAvailable().getIntVal())
                .isEqualTo(COORDINATORS.getSpec().getReplicas() - 1);
        assertThat(COORDINATORS.getSpec().getSelector().getMatchLabels()).isEqualTo(selected);
    }

    @Test
    void podsOfTheRunReachEachOtherAndTheNamespaceReachesMonitoringAlone() {
        NetworkPolicy policy = MANIFESTS.the(NetworkPolicy.class);
        Map<String, String> run = policy.getSpec().getPodSelector().getMatchLabels();
        assertThat(pods()).allSatisfy(pod -> assertThat(labels(pod)).containsAllEntriesOf(run));
        assertThat(policy.getSpec().getIngress()).hasSize(2);
        assertThat(policy.getSpec().getIngress().get(0).getPorts()).isEmpty();
        assertThat(policy.getSpec()
                        .getIngress()
                        .get(0)
                        .getFrom()
                        .get(0)
                        .getPodSelector()
                        .getMatchLabels())
                .isEqualTo(run);
        assertThat(policy.getSpec().getIngress().get(1).getPorts())
                .singleElement()
                .satisfies(port -> assertThat(port.getPort().getIntVal())
                        .isEqualTo(recipe().monitoring().port()));
    }

    @ParameterizedTest
    @MethodSource("pods")
    void whatAPodMountsIsThere(PodTemplateSpec pod) {
        Container train = train(pod);
        Map<String, Volume> volumes = new HashMap<>();
        pod.getSpec().getVolumes().forEach(volume -> volumes.put(volume.getName(), volume));
        assertThat(volumes.keySet())
                .containsExactlyInAnyOrderElementsOf(train.getVolumeMounts().stream()
                        .map(VolumeMount::getName)
                        .toList());
        assertThat(volumes.get("recipe").getConfigMap().getName()).isEqualTo(name(RECIPE));
        PersistentVolumeClaim claim = MANIFESTS.the(PersistentVolumeClaim.class);
        assertThat(volumes.get("runs").getPersistentVolumeClaim().getClaimName())
                .isEqualTo(name(claim));
        assertThat(claim.getSpec().getAccessModes()).containsExactly("ReadWriteMany");
        assertThat(mount(train, "runs")).isEqualTo(recipe().experiment().logDir());
        String file = RECIPE.getData().keySet().iterator().next();
        assertThat(String.join(" ", command(train))).contains("train config=" + mount(train, "recipe") + "/" + file);
    }

    @ParameterizedTest
    @MethodSource("pods")
    void theTokenIsTheOneThatTheReadmeMakes(PodTemplateSpec pod) {
        var reference = variable(train(pod), "REKINDLE_TOKEN").getValueFrom().getSecretKeyRef();
        assertThat(Manifests.text(Manifests.FOLDER.resolve("README.md")))
                .contains("kubectl create secret generic %s --from-literal=%s="
                        .formatted(reference.getName(), reference.getKey()));
        assertThat(RECIPE.getData().get("recipe.yaml")).contains("token: ${oc.env:REKINDLE_TOKEN}");
    }

    @ParameterizedTest
    @MethodSource("pods")
    void probesAskWhereMonitoringListens(PodTemplateSpec pod) {
        Container train = train(pod);
        Map<String, Integer> ports = new HashMap<>();
        for (ContainerPort port : train.getPorts()) {
            ports.put(port.getName(), port.getContainerPort());
        }
        RunConfig recipe = recipe();
        assertThat(recipe.monitoring().hostname()).isEqualTo("0.0.0.0");
        for (Probe probe : List.of(train.getStartupProbe(), train.getLivenessProbe(), train.getReadinessProbe())) {
            assertThat(ports.get(probe.getHttpGet().getPort().getStrVal()))
                    .isEqualTo(recipe.monitoring().port());
        }
        assertThat(train.getStartupProbe().getHttpGet().getPath()).isEqualTo("/health/alive");
        assertThat(train.getLivenessProbe().getHttpGet().getPath()).isEqualTo("/health/alive");
        assertThat(train.getReadinessProbe().getHttpGet().getPath()).isEqualTo("/health/ready");
        assertThat((long) train.getReadinessProbe().getTimeoutSeconds())
                .isGreaterThan(MonitoringServer.ANSWER.toSeconds());
    }

    @ParameterizedTest
    @MethodSource("pods")
    void aPodThatWaitsForTheFirstMaySayInTheEndThatNobodyAnswered(PodTemplateSpec pod) {
        Probe startup = train(pod).getStartupProbe();
        assertThat((long) startup.getPeriodSeconds() * startup.getFailureThreshold())
                .isBetween(TrainingRun.PATIENCE.toSeconds() + 30, TrainingRun.PATIENCE.toSeconds() + 60);
    }

    @ParameterizedTest
    @MethodSource("pods")
    void thePodOutlivesItsNotice(PodTemplateSpec pod) {
        long notice = Long.parseLong(environment(train(pod)).get("REKINDLE_NOTICE_SECONDS"));
        assertThat(notice).isPositive().isLessThan(pod.getSpec().getTerminationGracePeriodSeconds());
    }

    @ParameterizedTest
    @MethodSource("pods")
    void aPodIsNobodySpecial(PodTemplateSpec pod) {
        assertThat(pod.getSpec().getSecurityContext().getRunAsNonRoot()).isTrue();
        assertThat(pod.getSpec().getSecurityContext().getRunAsUser()).isEqualTo(user());
        assertThat(pod.getSpec().getSecurityContext().getSeccompProfile().getType())
                .isEqualTo("RuntimeDefault");
        assertThat(pod.getSpec().getAutomountServiceAccountToken()).isFalse();
        assertThat(containers(pod)).allSatisfy(container -> {
            assertThat(container.getSecurityContext().getAllowPrivilegeEscalation())
                    .isFalse();
            assertThat(container.getSecurityContext().getReadOnlyRootFilesystem())
                    .isTrue();
            assertThat(container.getSecurityContext().getCapabilities().getDrop())
                    .containsExactly("ALL");
        });
    }

    @Test
    void theJobScalesAndADisruptionIsNoFailure() {
        JobSpec spec = WORKERS.getSpec();
        assertThat(spec.getCompletionMode()).isEqualTo("Indexed");
        assertThat(spec.getCompletions()).isEqualTo(spec.getParallelism());
        assertThat(spec.getTemplate().getSpec().getRestartPolicy()).isEqualTo("Never");
        assertThat(spec.getPodReplacementPolicy()).isEqualTo("Failed");
        assertThat(spec.getBackoffLimitPerIndex()).isPositive();
        assertThat(spec.getSuccessPolicy().getRules())
                .singleElement()
                .satisfies(rule -> assertThat(rule.getSucceededCount()).isEqualTo(1));
        List<PodFailurePolicyRule> rules = spec.getPodFailurePolicy().getRules();
        assertThat(rules).extracting(PodFailurePolicyRule::getAction).containsExactly("Ignore", "Ignore");
        assertThat(rules.get(0).getOnPodConditions()).singleElement().satisfies(condition -> {
            assertThat(condition.getType()).isEqualTo("DisruptionTarget");
            assertThat(condition.getStatus()).isEqualTo("True");
        });
        assertThat(rules.get(1).getOnExitCodes().getOperator()).isEqualTo("In");
        assertThat(rules.get(1).getOnExitCodes().getValues()).containsExactly(WorkerPodTest.LEFT);
        assertThat(environment(train(spec.getTemplate())))
                .containsEntry(
                        "COORDINATORS", COORDINATORS.getSpec().getReplicas().toString());
    }

    @Test
    void whoScalesByTheReadmeKeepsBothNumbersEqual() {
        List<String> patches = Stream.of("README.md", "worker.yaml")
                .flatMap(file -> Manifests.text(Manifests.FOLDER.resolve(file)).lines())
                .filter(line -> line.contains("kubectl patch job " + name(WORKERS)) && line.contains("completions"))
                .map(line -> line.substring(line.indexOf('{'), line.lastIndexOf('}') + 1))
                .toList();
        assertThat(patches).hasSizeGreaterThanOrEqualTo(2).allSatisfy(patch -> {
            Map<?, ?> spec = (Map<?, ?>) Manifests.documents(patch).get(0).get("spec");
            assertThat(spec.get("completions")).isNotNull().isEqualTo(spec.get("parallelism"));
        });
    }

    @Test
    void theRecipeIsCompleteAndFitsThePods() {
        RunConfig recipe = recipe();
        int pods = COORDINATORS.getSpec().getReplicas() + WORKERS.getSpec().getParallelism();
        LaneShares shares =
                LaneShares.of(recipe.system().lanes(), pods, recipe.system().maxWorkers());
        assertThat(shares.workers()).isEqualTo(pods);
        assertThat(shares.isLossDear()).isFalse();
        assertThat(BraceExpansion.expand(recipe.dataset().params().path()))
                .as("shards, a lane reads one at a time")
                .hasSizeGreaterThanOrEqualTo(shares.lanes());
        assertThat(recipe.totalSteps(recipe.system().lanes())).isEqualTo(4800);
        assertThat(recipe.experiment().requeue()).isTrue();
        assertThat(pods()).allSatisfy(pod -> assertThat(
                        train(pod).getResources().getRequests().get("cpu").getAmount())
                .isEqualTo(recipe.system().threads().toString()));
    }

    /** Where a module depends on another one's test-jar, Maven has to make that, tests or not. */
    @Test
    void theImageIsBuiltWithTheTestJarThatModulesDependOn() throws IOException {
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<type>test-jar</type>");
        assertThat(Manifests.text(Manifests.FOLDER.resolve("Containerfile")))
                .containsPattern("(?m)^RUN .* mvn .*-DskipTests package$")
                .doesNotContain("-Dmaven.test.skip");
    }

    @Test
    void whatTheRecipeTakesFromTheImageIsPutThere() {
        RunConfig recipe = recipe();
        String containerfile = Manifests.text(Manifests.FOLDER.resolve("Containerfile"));
        assertThat(containerfile).contains("WORKDIR " + IMAGE_HOME.substring(0, IMAGE_HOME.length() - 1));
        assertThat(Stream.of(
                        recipe.experiment().evalCaptionFile(),
                        recipe.model().vae().pretrained()))
                .allSatisfy(path -> {
                    assertThat(path).startsWith(IMAGE_HOME + "configs/demo/");
                    assertThat(Path.of("..").resolve(path.substring(IMAGE_HOME.length())))
                            .exists();
                });
        assertThat(containerfile).contains("COPY configs/demo configs/demo");
    }

    /** The recipe as a pod reads it; the token stands for the pod's variable. */
    private RunConfig recipe() {
        try {
            Path file = Files.writeString(
                    folder.resolve("recipe.yaml"), RECIPE.getData().get("recipe.yaml"));
            return ConfigReader.read(List.of("config=" + file, "monitoring.token=token"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static long user() {
        return Manifests.text(Manifests.FOLDER.resolve("Containerfile"))
                .lines()
                .filter(line -> line.startsWith("USER "))
                .mapToLong(line -> Long.parseLong(line.substring("USER ".length(), line.indexOf(':'))))
                .findFirst()
                .orElseThrow();
    }

    private static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private static Map<String, String> labels(PodTemplateSpec pod) {
        return pod.getMetadata().getLabels();
    }

    private static Stream<Container> containers(PodTemplateSpec pod) {
        return Stream.concat(pod.getSpec().getInitContainers().stream(), pod.getSpec().getContainers().stream());
    }

    private static Container train(PodTemplateSpec pod) {
        assertThat(pod.getSpec().getContainers()).hasSize(1);
        return pod.getSpec().getContainers().get(0);
    }

    private static List<String> command(Container container) {
        return Stream.concat(container.getCommand().stream(), container.getArgs().stream())
                .toList();
    }

    private static String mount(Container container, String volume) {
        return container.getVolumeMounts().stream()
                .filter(mount -> mount.getName().equals(volume))
                .map(VolumeMount::getMountPath)
                .findFirst()
                .orElseThrow();
    }

    private static EnvVar variable(Container container, String name) {
        return container.getEnv().stream()
                .filter(variable -> variable.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** The variables that have a value of their own. */
    private static Map<String, String> environment(Container container) {
        Map<String, String> environment = new HashMap<>();
        container.getEnv().stream()
                .filter(variable -> variable.getValue() != null)
                .forEach(variable -> environment.put(variable.getName(), variable.getValue()));
        return environment;
    }
}
