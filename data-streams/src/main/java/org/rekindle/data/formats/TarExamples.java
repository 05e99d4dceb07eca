package org.rekindle.data.formats;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.stores.Shard;

/** The examples of a tar with all their members as they are, for copying. One thread. */
public final class TarExamples implements AutoCloseable {

    private final TarMembers tar;
    private Member pending;
    private boolean ended;

    /** One file of an example. */
    public record Member(String name, byte[] bytes) {

        /** What the members of an example share. */
        public String key() {
            return MemberNames.key(name);
        }

        public String suffix() {
            return MemberNames.suffix(name);
        }
    }

    private TarExamples(TarMembers tar) {
        this.tar = tar;
    }

    /** @throws ShardFailure when the shard cannot be opened; {@link #next} throws it too */
    public static TarExamples open(Shard shard) {
        return new TarExamples(WebDatasetFormat.members(shard, 0));
    }

    /** Returns the members of the next example; empty at the end. An example that damage cuts is not given. */
    public List<Member> next() {
        List<Member> members = new ArrayList<>();
        List<String> suffixes = new ArrayList<>();
        Member member = pending == null && !ended ? read() : pending;
        while (member != null
                && (members.isEmpty()
                        || member.key().equals(members.get(0).key()) && !suffixes.contains(member.suffix()))) {
            members.add(member);
            suffixes.add(member.suffix());
            member = read();
        }
        pending = member;
        ended = member == null;
        return members;
    }

    private Member read() {
        String name;
        do {
            name = tar.next();
        } while (name != null && MemberNames.isPassedOver(name));
        if (name != null && tar.size() > Example.MAX_MEMBER_BYTES) {
            throw ShardFailure.damaged("member " + name + " is larger than an example may be (256 MiB)");
        }
        return name == null ? null : new Member(name, tar.read());
    }

    @Override
    public void close() {
        tar.close();
    }
}
