package org.rekindle.data.filters;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.rekindle.data.UserException;

class MetadataFilterPropertyTest {

    @Property(tries = 3000)
    void anyTextIsAFilterOrRefused(
            @ForAll
                    @StringLength(max = 200)
                    @Chars({
                        '<', '=', '!', '>', '0', '9', '.', '_', '\'', '"', '\\', 'i', 'n', 'o', 't', ' ', '[', ']', '(',
                        ',', 'a', 'd', 'e', '-'
                    })
                    String text) {
        try {
            MetadataFilter filter = MetadataFilter.parse("x", text);
            assertThat(MetadataFilter.parse("x", filter.name().substring(1))).isEqualTo(filter);
        } catch (UserException e) {
            assertThat(e.getMessage())
                    .startsWith("dataset.params.filters.x is '")
                    .doesNotContain("\n");
        }
    }
}
