# python make_filter_goldens.py > ../resources/filters/original.json
# Verdicts of the original's filters, eval(f"{value}{expression}"), over numbers and texts; Python 3.
import itertools, json, random
random.seed(4)
values = [0, 1, -1, 0.3, 0.5, 0.1 + 0.2, 512, 511, 1e3, 1e-7, 2**53, 2**53 + 1, -0.0, 1e300]
expressions = ["<=0.5", ">=512", "<0.3", ">0.3", "==0.3", "!=1", "==1e3", ">=9007199254740993", "<=0.30000000000000004",
               "> -1", "<=.5", "==1_000", "in [1, 512]", " not in (1, 0.5)"]
lines = []
for value, expression in itertools.product(values, expressions):
    lines.append([value, expression, bool(eval(f"{value}{' ' if expression[0] == 'i' else ''}{expression}"))])
for value, expression in itertools.product(["en", "de", "", "it's"], ["=='en'", '!="en"', "==\"it's\"", "=='it\\'s'", " in ['en', 'de']", " not in ['en']"]):
    lines.append([value, expression, bool(eval(f"{value!r}{expression}"))])
print("[" + ",\n".join(json.dumps(line) for line in lines) + "]")
