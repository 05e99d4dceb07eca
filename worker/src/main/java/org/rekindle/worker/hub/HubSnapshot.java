package org.rekindle.worker.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.rekindle.data.UserException;

/**
 * A model at one commit, as the hub lists it.
 *
 * @param model what was asked for
 * @param commit the commit that the revision stood for; files are fetched by it, so that a branch may move meanwhile
 */
record HubSnapshot(ModelRevision model, String commit, List<HubFile> files) {

    /**
     * Reads the hub's answer: {@code {"sha", "siblings": [{"rfilename", "size", "blobId", "lfs": {"sha256", "size"}}]}}.
     *
     * @throws UserException when it is none, or a name would lead out of the folder that the files go to
     */
    static HubSnapshot of(ModelRevision model, JsonNode answer) {
        String commit = answer.path("sha").asText("");
        if (commit.isEmpty() || !answer.path("siblings").isArray()) {
            throw new UserException(
                    model + ": the hub's answer has no sha and siblings; is HF_ENDPOINT the address of a hub?");
        }
        List<HubFile> files = new ArrayList<>();
        for (JsonNode sibling : answer.path("siblings")) {
            String path = sibling.path("rfilename").asText("");
            requireInside(model, path);
            JsonNode lfs = sibling.path("lfs");
            String hash = lfs.isObject()
                    ? lfs.path("sha256").asText()
                    : sibling.path("blobId").asText();
            long size = lfs.path("size").asLong(sibling.path("size").asLong(-1));
            files.add(new HubFile(path, size, ContentHash.of(hash)));
        }
        return new HubSnapshot(model, commit, files);
    }

    static void requireInside(ModelRevision model, String path) {
        boolean leadsOut = path.contains("\\")
                || path.chars().anyMatch(Character::isISOControl)
                || Arrays.stream(path.split("/", -1)).anyMatch(Set.of("", ".", "..")::contains);
        if (leadsOut) {
            throw new UserException(model + ": the hub lists a file '"
                    + path.replaceAll("\\p{Cntrl}", "?").strip()
                    + "', whose name would lead out of the folder; nothing was fetched");
        }
    }

    Optional<HubFile> file(String path) {
        return files.stream().filter(file -> file.path().equals(path)).findFirst();
    }

    /** The files that lie in a folder itself. */
    List<HubFile> in(String folder) {
        return files.stream()
                .filter(file ->
                        file.path().startsWith(folder + "/") && file.path().indexOf('/', folder.length() + 1) < 0)
                .toList();
    }
}
