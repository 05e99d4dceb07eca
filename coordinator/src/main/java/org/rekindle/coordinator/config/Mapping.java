package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.List;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;

/** Binds a resolved tree to the configuration's records and puts Jackson's complaints into the user's words. */
final class Mapping {

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.USE_DEFAULTS))
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .withCoercionConfigDefaults(
                    coercions -> coercions.setCoercion(CoercionInputShape.EmptyString, CoercionAction.Fail))
            .withCoercionConfig(LogicalType.Textual, coercions -> coercions
                    .setCoercion(CoercionInputShape.EmptyString, CoercionAction.TryConvert)
                    .setCoercion(CoercionInputShape.Boolean, CoercionAction.TryConvert)
                    .setCoercion(CoercionInputShape.Integer, CoercionAction.TryConvert)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.TryConvert))
            .withCoercionConfig(
                    LogicalType.Boolean,
                    coercions -> coercions.setCoercion(CoercionInputShape.String, CoercionAction.TryConvert))
            .addModule(new SimpleModule()
                    .addDeserializer(Integer.class, new NumberReader<>(Integer.class))
                    .addDeserializer(Long.class, new NumberReader<>(Long.class))
                    .addDeserializer(Double.class, new NumberReader<>(Double.class)))
            .build();

    private Mapping() {}

    static JsonNodeFactory nodes() {
        return JsonNodeFactory.instance;
    }

    static JsonNode tree(Object record) {
        return MAPPER.valueToTree(record);
    }

    /**
     * @param tree what to bind
     * @param type the record it becomes
     * @param section dotted key of {@code tree} itself, empty for the root
     * @param origin the YAML, for errors
     * @throws UserException for an unknown key or a value of the wrong type
     */
    static <T> T bind(JsonNode tree, Class<T> type, String section, String origin) {
        try {
            return MAPPER.treeToValue(tree, type);
        } catch (UnrecognizedPropertyException e) {
            List<String> known = e.getKnownPropertyIds().stream()
                    .map(String::valueOf)
                    .sorted()
                    .toList();
            String hint = NearestKey.hint(e.getPropertyName(), known);
            throw new UserException(
                    origin + ": unknown key " + dotted(section, e.getPath())
                            + (hint.isEmpty() ? "; known here: " + String.join(", ", known) : hint),
                    e);
        } catch (JsonMappingException e) {
            String key = dotted(section, e.getPath());
            throw new UserException(
                    origin + ": " + (key.isEmpty() ? "" : key + ": ") + shown(valueAt(tree, e.getPath())) + " is not "
                            + expected(e),
                    e);
        } catch (IOException e) {
            throw new UserException(origin + ": cannot be read as a configuration: " + e.getMessage(), e);
        }
    }

    /** A value as an error message shows it: JSON, cut where it is long. */
    static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }

    private static String dotted(String section, List<JsonMappingException.Reference> path) {
        String inner = path.stream()
                .map(part -> part.getFieldName() == null ? Integer.toString(part.getIndex()) : part.getFieldName())
                .collect(Collectors.joining("."));
        return section.isEmpty() || inner.isEmpty() ? section + inner : section + "." + inner;
    }

    private static JsonNode valueAt(JsonNode tree, List<JsonMappingException.Reference> path) {
        JsonNode value = tree;
        for (JsonMappingException.Reference part : path) {
            value = part.getFieldName() == null ? value.path(part.getIndex()) : value.path(part.getFieldName());
        }
        return value;
    }

    private static String expected(JsonMappingException error) {
        Class<?> type = Object.class;
        if (error instanceof ValueInstantiationException refused) {
            type = refused.getType().getRawClass();
        } else if (error instanceof MismatchedInputException mismatch && mismatch.getTargetType() != null) {
            type = mismatch.getTargetType();
        }
        if (type == Integer.class) {
            return "a whole number of at most " + Integer.MAX_VALUE;
        } else if (type == Long.class) {
            return "a whole number";
        } else if (type == Double.class) {
            return "a number";
        } else if (type == Boolean.class) {
            return "true or false";
        } else if (type == GradientCheckpointing.class) {
            return "true, false or auto";
        } else if (type == String.class) {
            return "a text";
        }
        return "a section of keys";
    }

    /**
     * Numbers as OmegaConf's typed nodes take them: text that spells one counts, for environment variables are text. Beyond OmegaConf,
     * {@code 2e9} counts as a whole number, since nobody writes the zeros.
     */
    private static final class NumberReader<T extends Number> extends StdDeserializer<T> {

        private NumberReader(Class<T> type) {
            super(type);
        }

        @Override
        public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            if (!parser.currentToken().isScalarValue() || parser.currentToken().isBoolean()) {
                return wrong(parser);
            }
            String text = parser.getText().strip();
            try {
                if (handledType() == Double.class) {
                    return typed(Double.valueOf(text));
                }
                BigDecimal number = new BigDecimal(text);
                return handledType() == Integer.class ? typed(number.intValueExact()) : typed(number.longValueExact());
            } catch (ArithmeticException | NumberFormatException e) {
                return wrong(parser);
            }
        }

        private T wrong(JsonParser parser) throws IOException {
            throw InvalidFormatException.from(parser, "not a number", parser.getText(), handledType());
        }

        @SuppressWarnings("unchecked")
        private T typed(Number number) {
            return (T) handledType().cast(number);
        }
    }
}
