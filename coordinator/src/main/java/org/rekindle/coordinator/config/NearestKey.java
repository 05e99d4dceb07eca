package org.rekindle.coordinator.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;

/** Guesses which word a mistyped one was meant to be. */
final class NearestKey {

    private NearestKey() {}

    /**
     * Returns {@code "; did you mean NAME?"}, or nothing when no known name is near.
     *
     * @param typed the unknown name
     * @param known the names there are
     */
    static String hint(String typed, Collection<String> known) {
        return known.stream()
                .min(Comparator.comparingInt((String name) -> distance(typed, name))
                        .thenComparing(name -> name))
                .filter(name -> distance(typed, name) <= Math.max(1, Math.max(typed.length(), name.length()) / 3))
                .map(name -> "; did you mean " + name + "?")
                .orElse("");
    }

    /**
     * The optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours (Damerau 1964), without
     * regard to case.
     */
    static int distance(String first, String second) {
        String a = first.toLowerCase(Locale.ROOT);
        String b = second.toLowerCase(Locale.ROOT);
        int[][] cost = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    cost[i][j] = i + j;
                    continue;
                }
                int substitution = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(substitution, 1 + Math.min(cost[i - 1][j], cost[i][j - 1]));
                boolean swapped =
                        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
                if (swapped) {
                    cost[i][j] = Math.min(cost[i][j], 1 + cost[i - 2][j - 2]);
                }
            }
        }
        return cost[a.length()][b.length()];
    }
}
