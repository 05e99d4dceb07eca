package org.rekindle.coordinator.membership;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RingSecretsTest {

    @Test
    void aGenerationHasOneSecretAndTheNextAnother() {
        RingSecrets secrets = new RingSecrets();
        long first = secrets.of(1);

        assertThat(secrets.of(1)).isEqualTo(first);
        assertThat(secrets.of(2)).isNotEqualTo(first);
        assertThat(new RingSecrets().of(1)).isNotEqualTo(first);
    }
}
