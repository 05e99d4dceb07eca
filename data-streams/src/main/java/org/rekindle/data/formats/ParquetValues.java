package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.Type;

/** Parquet's values as JSON, for captions and filters. Bytes that are no text are left out. */
final class ParquetValues {

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private ParquetValues() {}

    static ObjectNode object(Group values) {
        ObjectNode object = JSON.objectNode();
        GroupType type = values.getType();
        for (int field = 0; field < type.getFieldCount(); field++) {
            Type of = type.getType(field);
            int count = values.getFieldRepetitionCount(field);
            if (of.isRepetition(Type.Repetition.REPEATED)) {
                ArrayNode array = object.putArray(of.getName());
                for (int i = 0; i < count; i++) {
                    add(array, value(values, of, field, i));
                }
            } else {
                JsonNode value = count == 0 ? JSON.nullNode() : value(values, of, field, 0);
                if (value != null) {
                    object.set(of.getName(), value);
                }
            }
        }
        return object;
    }

    private static JsonNode value(Group values, Type type, int field, int index) {
        if (!type.isPrimitive()) {
            Group inner = values.getGroup(field, index);
            boolean list = type.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation;
            return list ? list(inner) : object(inner);
        }
        LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
        if (logical instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal) {
            return JSON.numberNode(new BigDecimal(unscaled(values, type, field, index), decimal.getScale()));
        }
        boolean signed =
                !(logical instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation number) || number.isSigned();
        return switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case INT32 -> {
                int value = values.getInteger(field, index);
                yield JSON.numberNode(signed ? value : Integer.toUnsignedLong(value));
            }
            case INT64 -> {
                long value = values.getLong(field, index);
                yield signed || value >= 0
                        ? JSON.numberNode(value)
                        : JSON.numberNode(new BigInteger(Long.toUnsignedString(value)));
            }
            case FLOAT -> JSON.numberNode(values.getFloat(field, index));
            case DOUBLE -> JSON.numberNode(values.getDouble(field, index));
            case BOOLEAN -> JSON.booleanNode(values.getBoolean(field, index));
            case BINARY -> isText(type) ? JSON.textNode(values.getString(field, index)) : null;
            default -> null;
        };
    }

    private static BigInteger unscaled(Group values, Type type, int field, int index) {
        return switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case INT32 -> BigInteger.valueOf(values.getInteger(field, index));
            case INT64 -> BigInteger.valueOf(values.getLong(field, index));
            default -> new BigInteger(values.getBinary(field, index).getBytes());
        };
    }

    private static boolean isText(Type type) {
        LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
        return logical instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation
                || logical instanceof LogicalTypeAnnotation.EnumLogicalTypeAnnotation
                || logical instanceof LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
    }

    /** A list is a group of one repeated group of one element (Parquet's three levels), or of the repeated element itself. */
    private static ArrayNode list(Group list) {
        ArrayNode array = JSON.arrayNode();
        Type repeated = list.getType().getType(0);
        int count = list.getFieldRepetitionCount(0);
        boolean wrapped = !repeated.isPrimitive() && repeated.asGroupType().getFieldCount() == 1;
        for (int i = 0; i < count; i++) {
            if (wrapped) {
                Group element = list.getGroup(0, i);
                add(
                        array,
                        element.getFieldRepetitionCount(0) == 0
                                ? JSON.nullNode()
                                : value(element, element.getType().getType(0), 0, 0));
            } else {
                add(array, value(list, repeated, 0, i));
            }
        }
        return array;
    }

    private static void add(ArrayNode array, JsonNode value) {
        array.add(value == null ? JSON.nullNode() : value);
    }
}
