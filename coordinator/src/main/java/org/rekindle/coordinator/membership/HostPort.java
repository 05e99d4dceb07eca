package org.rekindle.coordinator.membership;

import java.net.InetSocketAddress;

/** Addresses as nodes tell them to each other: {@code host:port}. */
public final class HostPort {

    private HostPort() {}

    /** @param address whose host may hold colons itself, as IPv6 does; the name is looked up */
    public static InetSocketAddress parse(String address) {
        int colon = address.lastIndexOf(':');
        return new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    }
}
