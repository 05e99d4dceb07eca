package org.rekindle.data.stores;

import java.io.IOException;

/** An answer that another attempt would not change, such as 403 or 404. */
final class FinalFailure extends IOException {

    FinalFailure(String message) {
        super(message);
    }

    FinalFailure(String message, Throwable cause) {
        super(message, cause);
    }
}
