package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/**
 * A vocabulary in CLIP's format, learned from captions by byte-pair encoding (Sennrich et al. 2016): beginning with bytes, the most
 * frequent pair of neighbours becomes a token, again and again, so that frequent words end as one token. The same captions give the
 * same vocabulary.
 *
 * @param tokens in the order of their ids: 256 bytes, the same at the end of a word, one per merge, begin and end of text
 * @param merges the pairs in the order they were found
 */
public record BytePairVocabulary(List<String> tokens, List<Pair> merges) {

    static final String END_OF_WORD = "</w>";

    /** Bytes, bytes that end a word, and the two special tokens: what no vocabulary goes without. */
    static final int SMALLEST = 514;

    private static final Pattern WORD = Pattern.compile(ClipTokenizerDefinition.WORD, Pattern.UNICODE_CHARACTER_CLASS);

    private static final String[] BYTES = byteCharacters();

    /** Two symbols that are merged into one. */
    public record Pair(String left, String right) {
        String merged() {
            return left + right;
        }
    }

    /** A word as the symbols that it consists of so far. */
    private record Word(List<String> symbols, long count) {}

    /**
     * Learns a vocabulary.
     *
     * @param captions what to learn from
     * @param vocabSize most tokens that it may have; it has fewer when every word is one token before
     * @throws UserException when {@code vocabSize} is too small
     */
    public static BytePairVocabulary learn(Stream<String> captions, int vocabSize) {
        if (vocabSize < SMALLEST) {
            throw new UserException("tokenizer.params.vocab_size=" + vocabSize + ": expected at least " + SMALLEST
                    + " (256 bytes, each at the end of a word or not, begin and end of text)");
        }
        List<Word> words = words(captions);
        List<Pair> merges = new ArrayList<>();
        while (merges.size() < vocabSize - SMALLEST) {
            Map<Pair, Long> counts = new HashMap<>();
            for (Word word : words) {
                for (int i = 0; i + 1 < word.symbols.size(); i++) {
                    counts.merge(new Pair(word.symbols.get(i), word.symbols.get(i + 1)), word.count, Long::sum);
                }
            }
            if (counts.isEmpty()) {
                break;
            }
            Pair best = counts.entrySet().stream()
                    .min(Map.Entry.<Pair, Long>comparingByValue()
                            .reversed()
                            .thenComparing(
                                    Map.Entry::getKey,
                                    Comparator.comparing(Pair::left).thenComparing(Pair::right)))
                    .orElseThrow()
                    .getKey();
            merges.add(best);
            words.replaceAll(word -> merge(word, best));
        }
        return new BytePairVocabulary(tokens(merges), merges);
    }

    /** Writes {@code vocab.json}, {@code merges.txt}, {@code tokenizer_config.json} and {@code special_tokens_map.json}. */
    public void write(Path folder, int modelMaxLength) throws IOException {
        ObjectNode vocabulary = JsonFiles.JSON.createObjectNode();
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        Files.writeString(folder.resolve("vocab.json"), vocabulary.toString(), StandardCharsets.UTF_8);
        StringBuilder lines = new StringBuilder("#version: 0.2\n");
        merges.forEach(
                pair -> lines.append(pair.left).append(' ').append(pair.right).append('\n'));
        Files.writeString(folder.resolve("merges.txt"), lines, StandardCharsets.UTF_8);
        ObjectNode special = JsonFiles.JSON
                .createObjectNode()
                .put("bos_token", ClipTokenizerDefinition.BEGIN)
                .put("eos_token", ClipTokenizerDefinition.END)
                .put("pad_token", ClipTokenizerDefinition.END)
                .put("unk_token", ClipTokenizerDefinition.END);
        JsonFiles.write(folder.resolve("special_tokens_map.json"), special);
        ObjectNode config = special.deepCopy()
                .put("add_prefix_space", false)
                .put("do_lower_case", true)
                .put("errors", "replace")
                .put("model_max_length", modelMaxLength)
                .put("tokenizer_class", "CLIPTokenizer");
        JsonFiles.write(folder.resolve("tokenizer_config.json"), config);
    }

    /** The distinct words, as bytes with the end marked, in a fixed order. */
    private static List<Word> words(Stream<String> captions) {
        Map<String, Long> counts = new TreeMap<>();
        captions.forEach(caption -> {
            String text = Normalizer.normalize(caption, Normalizer.Form.NFC).toLowerCase(Locale.ROOT);
            Matcher matcher = WORD.matcher(text);
            while (matcher.find()) {
                counts.merge(matcher.group(), 1L, Long::sum);
            }
        });
        counts.keySet().removeAll(List.of(ClipTokenizerDefinition.BEGIN, ClipTokenizerDefinition.END));
        List<Word> words = new ArrayList<>();
        counts.forEach((word, count) -> {
            List<String> symbols = new ArrayList<>();
            for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
                symbols.add(BYTES[b & 0xFF]);
            }
            symbols.set(symbols.size() - 1, symbols.get(symbols.size() - 1) + END_OF_WORD);
            words.add(new Word(symbols, count));
        });
        return words;
    }

    private static Word merge(Word word, Pair pair) {
        List<String> symbols = word.symbols;
        List<String> merged = new ArrayList<>(symbols.size());
        for (int i = 0; i < symbols.size(); i++) {
            if (i + 1 < symbols.size()
                    && symbols.get(i).equals(pair.left)
                    && symbols.get(i + 1).equals(pair.right)) {
                merged.add(pair.merged());
                i++;
            } else {
                merged.add(symbols.get(i));
            }
        }
        return merged.size() == symbols.size() ? word : new Word(merged, word.count);
    }

    private static List<String> tokens(List<Pair> merges) {
        // CLIP numbers the bytes by their characters.
        List<String> bytes = Stream.of(BYTES).sorted().toList();
        List<String> tokens = new ArrayList<>(bytes);
        bytes.forEach(character -> tokens.add(character + END_OF_WORD));
        merges.stream().map(Pair::merged).distinct().forEach(tokens::add);
        tokens.add(ClipTokenizerDefinition.BEGIN);
        tokens.add(ClipTokenizerDefinition.END);
        return tokens;
    }

    /** A visible character for each byte, as GPT-2 has them: printable Latin-1 stands for itself, the others follow from U+0100. */
    private static String[] byteCharacters() {
        String[] characters = new String[256];
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            characters[b] = String.valueOf((char) (printable ? b : next++));
        }
        return characters;
    }
}
