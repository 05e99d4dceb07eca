package org.rekindle.worker.collectives;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

/** The last rank of a ring, as a process: prints its port, reads all ports in a line, sums until it is killed. */
final class RingRankProgram {

    private RingRankProgram() {}

    public static void main(String[] args) {
        RingListener listener = RingListener.bind("127.0.0.1", 0, "run");
        System.out.println(listener.address().getPort());
        List<InetSocketAddress> peers = new ArrayList<>();
        for (String port : new Scanner(System.in).nextLine().split(" ")) {
            peers.add(new InetSocketAddress("127.0.0.1", Integer.parseInt(port)));
        }
        RingCollective ring = new RingCollective(1, peers.size() - 1, peers, listener, RingSettings.DEFAULT);
        ring.connect(Ranks.PATIENCE);
        ByteBuffer data = Ranks.direct(16 << 20);
        ring.allReduceSum(List.of(data));
        System.out.println("summing");
        while (true) {
            ring.allReduceSum(List.of(data));
        }
    }
}
