package org.rekindle.data.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.data.stores.LocalShard;

class ShardSurveyTest {

    private static final String KEY = "dataset.params.path";

    @TempDir
    Path folder;

    @Test
    void shardsElsewhereAreCountedAndNobodyIsAsked() {
        String nowhere = "s3://nowhere/{0000..0099}.tar::https://nowhere.invalid/{a,b}.tar::pipe:touch %s/{0..9}.tar";

        ShardSurvey survey = survey(nowhere.formatted(folder));

        assertThat(survey).isEqualTo(new ShardSurvey(0, 112, List.of(), OptionalLong.empty()));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void bucketsThatOnlyTheirStoreCanListAreNamed() {
        ShardSurvey survey = survey("s3://nowhere/train/::s3://nowhere/*.tar::s3://nowhere/x.tar");

        assertThat(survey.listed()).containsExactly("s3://nowhere/train/", "s3://nowhere/*.tar");
        assertThat(survey.count()).isEqualTo(1);
    }

    @Test
    void aShardThatIsNotOnThisMachineIsAnErrorAsAtTheStartOfARun() throws IOException {
        make("{0..1}.tar");
        String path = folder + "/{0..2}.tar::s3://nowhere/x.tar";

        assertThatThrownBy(() -> survey(path))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith(KEY + ": 1 of 3 shards missing, the first is " + folder + "/2.tar");
    }

    @Test
    void aShardOfAnotherFormatIsAnError() throws IOException {
        Files.writeString(folder.resolve("0.tar"), "no tar");

        assertThatThrownBy(() -> survey(folder + "/0.tar"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("0.tar");
    }

    @Test
    void indexesTellTheExamplesWhereEveryShardHasOne() {
        make("{0..1}.tar");
        ShardIndexes indexes = new ShardIndexes(null);
        indexes.write(new LocalShard(folder.resolve("0.tar")));
        assertThat(survey(folder + "/{0..1}.tar").examples()).isEmpty();

        indexes.write(new LocalShard(folder.resolve("1.tar")));
        assertThat(survey(folder + "/{0..1}.tar").examples()).hasValue(10);
        assertThat(survey(folder + "/{0..1}.tar::s3://nowhere/x.tar").examples())
                .isEmpty();
    }

    private void make(String pattern) {
        new ShardRecipe("shapes", null, 10, null, null, null, null, null, null, null, null)
                .make(folder + "/" + pattern);
    }

    private static ShardSurvey survey(String path) {
        DatasetConfig.Params params = new DatasetConfig.Params(path, 1, null, null, null, null, null, null);
        return ShardSurvey.of(new DatasetConfig(null, params, null), KEY, path);
    }
}
