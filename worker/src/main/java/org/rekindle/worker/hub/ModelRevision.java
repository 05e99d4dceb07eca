package org.rekindle.worker.hub;

import java.util.regex.Pattern;
import org.rekindle.data.UserException;

/**
 * A model on a hub, as people name it.
 *
 * @param id {@code ORG/NAME}, or {@code NAME} alone for the hub's oldest models
 * @param revision branch, tag or commit
 */
public record ModelRevision(String id, String revision) {

    private static final Pattern ID = Pattern.compile("\\w[\\w.-]*(/\\w[\\w.-]*)?");

    /**
     * Reads {@code ORG/NAME[@REVISION]}.
     *
     * @param revision the revision when it is given by itself, or null
     * @throws UserException when the name is none, or the revision is given twice
     */
    public static ModelRevision parse(String model, String revision) {
        int at = model.indexOf('@');
        String id = at < 0 ? model : model.substring(0, at);
        if (!ID.matcher(id).matches() || id.contains("..") || at == model.length() - 1) {
            throw new UserException(
                    "model=" + model
                            + " is no name of a model on a hub; expected ORG/NAME or ORG/NAME@REVISION, such as CompVis/stable-diffusion-v1-4");
        }
        if (at >= 0 && revision != null) {
            throw new UserException(
                    "model=" + model + " and revision=" + revision + " both name a revision; leave one of them out");
        }
        if (at >= 0) {
            return new ModelRevision(id, model.substring(at + 1));
        }
        return new ModelRevision(id, revision == null ? "main" : revision);
    }

    @Override
    public String toString() {
        return "model=" + id + "@" + revision;
    }
}
