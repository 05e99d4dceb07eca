package org.rekindle.coordinator.membership;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.rekindle.data.UserException;

/**
 * Where a process stands in the run's cluster. Node 0 is at {@code MASTER_ADDR} and {@code MASTER_PORT}, as for torchrun; the others go there
 * first. Where neither is set, or {@code REKINDLE_ELASTIC} is, the nodes find each other by the run folder, and whoever comes first leads.
 *
 * @param rank of the node, from 0
 * @param nodes that the run starts with
 * @param host name or address of this node, by which the others reach it
 * @param port of this node; 0 for any that is free
 * @param seeds host and port of nodes to go to; node 0's alone for itself; empty where there is no other node
 * @param isElastic whether nodes come and go as they like: the run does not wait for all that it may have
 */
public record NodePlace(int rank, int nodes, String host, int port, List<String> seeds, boolean isElastic) {

    /** Set to anything: nodes meet by the run folder, whatever else is set. */
    private static final String ELASTIC = "REKINDLE_ELASTIC";

    private static final String LOOPBACK = "127.0.0.1";
    private static final String EVERYWHERE = "0.0.0.0";

    /** A run of one process, which nobody else reaches. */
    public static final NodePlace ALONE = new NodePlace(0, 1, LOOPBACK, 0, List.of(), false);

    /** Whether this node forms the cluster; the others join it. */
    public boolean isFirst() {
        return seeds.isEmpty() || seeds.equals(List.of(host + ":" + port));
    }

    /** Where this node listens for the cluster, which knows it as {@link #host}. */
    public String clusterAddress() {
        return isHiddenFromOthers() ? EVERYWHERE : host;
    }

    /** Where this node listens for what it tells the others itself, as for the ring. */
    public String ringAddress() {
        return isHiddenFromOthers() ? ownAddress() : host;
    }

    private boolean isHiddenFromOthers() {
        try {
            return isHiddenFromOthers(InetAddress.getByName(host));
        } catch (UnknownHostException e) {
            return false; // told when it is to listen there
        }
    }

    /**
     * Whether an address is reached on this machine alone, though its name is one for others, too: Debian's hosts file maps a machine's
     * own name to 127.0.1.1.
     */
    static boolean isHiddenFromOthers(InetAddress address) {
        String name = new InetSocketAddress(address, 0).getHostString(); // unlike getHostName, asks nobody
        return address.isLoopbackAddress() && !name.equals(address.getHostAddress()) && !name.startsWith("localhost");
    }

    /**
     * The same node in a run that is under way.
     *
     * @param others hosts and ports of nodes of the run, at least one
     */
    public NodePlace joining(List<String> others) {
        InetSocketAddress first = HostPort.parse(others.get(0));
        String towards = towards(first.getHostString(), first.getPort());
        List<String> all = new ArrayList<>(others);
        if (!isFirst()) {
            all.addAll(seeds);
        }
        return new NodePlace(rank, nodes, towards, 0, List.copyOf(all), isElastic);
    }

    /**
     * Reads the launcher's variables.
     *
     * @throws UserException when there are several workers and one of {@code MASTER_ADDR} and {@code MASTER_PORT} is missing or malformed
     */
    public static NodePlace of(Map<String, String> environment) {
        WorkerRank rank = WorkerRank.of(environment);
        String address = environment.get("MASTER_ADDR");
        String port = environment.get("MASTER_PORT");
        boolean elastic = environment.containsKey(ELASTIC);
        if (elastic || rank.workers() > 1 && address == null && port == null) {
            // others may come, though this one is the first or the only one so far
            return new NodePlace(rank.rank(), Math.max(2, rank.workers()), ownAddress(), 0, List.of(), true);
        } else if (rank.workers() == 1) {
            return ALONE;
        }
        if (address == null
                || address.isBlank()
                || port == null
                || !port.strip().matches("\\d{1,5}")) {
            throw new UserException(
                    "environment: " + rank.variable() + "=" + rank.rank() + " of " + rank.workers()
                            + " workers, but MASTER_ADDR=" + address + " and MASTER_PORT=" + port
                            + " do not say where worker 0 is: set both, as torchrun does, or none, and they meet by the run folder");
        }
        String master = address.strip();
        int number = Integer.parseInt(port.strip());
        return rank.rank() == 0
                ? new NodePlace(0, rank.workers(), master, number, List.of(master + ":" + number), false)
                : new NodePlace(
                        rank.rank(), rank.workers(), towards(master, number), 0, List.of(master + ":" + number), false);
    }

    /** An address by which other machines reach this one, as far as it has any. */
    private static String ownAddress() {
        try {
            InetAddress named = InetAddress.getLocalHost();
            return named.isLoopbackAddress() ? interfaceAddress() : named.getHostAddress();
        } catch (UnknownHostException e) { // not even this machine knows its name
            return interfaceAddress();
        }
    }

    private static String interfaceAddress() {
        try {
            for (NetworkInterface network : Collections.list(NetworkInterface.getNetworkInterfaces())) {
                for (InetAddress address : Collections.list(network.getInetAddresses())) {
                    if (network.isUp() && !address.isLoopbackAddress() && address instanceof Inet4Address) {
                        return address.getHostAddress();
                    }
                }
            }
            return LOOPBACK;
        } catch (SocketException e) {
            return LOOPBACK;
        }
    }

    /** The address of this machine on the way to another; no packet is sent. */
    private static String towards(String host, int port) {
        try (DatagramSocket socket = new DatagramSocket()) {
            InetAddress other = InetAddress.getByName(host);
            if (isHiddenFromOthers(other)) {
                return ownAddress();
            }
            socket.connect(new InetSocketAddress(other, port));
            return socket.getLocalAddress().getHostAddress();
        } catch (IOException e) {
            throw new UserException(
                    "environment: MASTER_ADDR=" + host + " cannot be found (" + UserException.reason(e) + ")", e);
        }
    }
}
