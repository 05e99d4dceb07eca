package org.rekindle.coordinator.membership;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NodePlaceTest {

    @ParameterizedTest
    @CsvSource({
        "node0, 127.0.1.1, true",
        "node0.example.org, ::1, true",
        "node0, 192.0.2.7, false",
        "localhost, 127.0.0.1, false",
        "localhost.localdomain, 127.0.0.1, false",
        "localhost6, ::1, false"
    })
    void aMachinesNameThatIsALoopbackAddressHidesItFromOthers(String name, String address, boolean hidden)
            throws UnknownHostException {
        byte[] bytes = InetAddress.getByName(address).getAddress();
        assertThat(NodePlace.isHiddenFromOthers(InetAddress.getByAddress(name, bytes)))
                .isEqualTo(hidden);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.0.1.1", "::1", "192.0.2.7"})
    void anAddressIsMeantAsItIs(String address) throws UnknownHostException {
        assertThat(NodePlace.isHiddenFromOthers(InetAddress.getByName(address))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "127.0.0.1", "192.0.2.7", "name.invalid"})
    void theFirstNodeListensWhereItIsToldTo(String master) {
        NodePlace place = place("0", master);
        assertThat(place.host()).isEqualTo(master);
        assertThat(place.clusterAddress()).isEqualTo(master);
        assertThat(place.ringAddress()).isEqualTo(master);
        assertThat(place.isFirst()).isTrue();
    }

    @Test
    void workersOfOneMachineMeetOnItsLoopbackAddress() {
        NodePlace place = place("1", "localhost");
        assertThat(place.host()).isEqualTo("127.0.0.1");
        assertThat(place.clusterAddress()).isEqualTo("127.0.0.1");
        assertThat(place.joining(List.of("127.0.0.1:29501")).ringAddress()).isEqualTo("127.0.0.1");
    }

    private static NodePlace place(String rank, String master) {
        return NodePlace.of(Map.of("RANK", rank, "WORLD_SIZE", "2", "MASTER_ADDR", master, "MASTER_PORT", "29500"));
    }
}
