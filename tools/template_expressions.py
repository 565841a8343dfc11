"""Random templates for make_template_cases.py: expressions and statements over the names of its context."""

import re

ATOMS = ["n", "neg", "f", "s", "u", "empty", "l", "d", "t", "no", "nil", "missing", "words", "mixed", "text", "lines", "html",
         "nested", "people", "big", "0", "1", "2", "-1", "3.5", "10", "'a'", "'l'", "', '", "''", "'é日'", "[]", "[1, 2, 3]",
         "{'a': 1}", "(1, 'x')", "none", "true", "false", "range(4)", "'%s|%5.2f'", "'{}-{:>4}'", "messages", "1e3", "2 ** 40"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "~", "+"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "sort", "reverse | list",
           "join", "join('-')", "join(',', attribute='name')", "string", "int", "float", "round", "round(1)", "abs", "tojson",
           "tojson(indent=1)", "default('D')", "default('D', true)", "replace('l', 'L')", "replace('a', '', 1)", "unique | list",
           "sum", "min", "max", "map('upper') | list", "map('string') | join", "select | list", "reject | list", "select('string') | list",
           "map(attribute='name') | list", "selectattr('age') | list", "rejectattr('age', 'defined') | list", "batch(2) | list",
           "slice(2) | list", "dictsort", "items | list", "wordcount", "center(9)", "indent(2)", "truncate(8, true)", "truncate(9, leeway=0)",
           "e", "urlencode", "striptags", "wordwrap(7)", "format(n, f)", "attr('real')", "xmlattr", "groupby('age')", "sort(reverse=true)",
           "sort(attribute='name')", "map('length') | list", "filesizeformat", "forceescape", "map('first') | list", "safe"]
METHODS = ["strip()", "strip('H')", "split()", "split('l')", "split(' ', 1)", "rsplit('o', 1)", "upper()", "lower()", "title()",
           "startswith('H')", "endswith(('d', 'x'))", "replace('l', '1')", "find('o')", "count('l')", "splitlines()", "join(words)",
           "isdigit()", "zfill(8)", "center(20, '*')", "partition('o')", "format(n, s)", "keys() | list", "values() | list",
           "items() | list", "get('a')", "get('q', 'Z')", "index(1)", "count(1)", "swapcase()", "capitalize()", "removeprefix('He')",
           "append(1)", "pop()", "isalpha()", "istitle()", "expandtabs(3)", "rpartition(' ')", "rfind('l')", "nosuch()", "lstrip()"]
TESTS = ["defined", "undefined", "string", "number", "integer", "float", "mapping", "sequence", "iterable", "none", "boolean", "odd",
         "even", "divisibleby(2)", "eq(1)", "in(l)", "lower", "upper", "true", "false", "callable", "gt(1)", "sameas(none)", "escaped"]
INDEXES = ["[0]", "[-1]", "[1:]", "[:2]", "[::-1]", "[::2]", "['a']", ".a", ".name", ".x", "[n]", "[99]", "['zz']", "[-2:]", ".x.y"]


def expression(rng, depth):
    if depth <= 0:
        return rng.choice(ATOMS)
    kind = rng.randrange(12)
    inner = expression(rng, depth - 1)
    if kind <= 2:
        return f"({inner} {rng.choice(BINARY)} {expression(rng, depth - 1)})"
    if kind <= 5:
        return f"({inner} | {rng.choice(FILTERS)})"
    if kind == 6:
        return f"({inner}).{rng.choice(METHODS)}"
    if kind == 7:  # a slice of constants is folded by rules of its own: only what reads a variable is sliced
        constant = not re.search(r"\b(neg|f|s|u|empty|l|d|nil|words|mixed|text|lines|html|people|messages|n)\b", re.sub(r"'[^']*'|\|\s*\w+|is \w+", "", inner))
        indexes = [index for index in INDEXES if ":" not in index] if constant else INDEXES
        return f"({inner}){rng.choice(indexes)}"
    if kind == 8:
        return f"({inner} is {rng.choice(['', 'not '])}{rng.choice(TESTS)})"
    if kind == 9:
        return f"({inner} if {expression(rng, depth - 1)} else {expression(rng, depth - 1)})"
    if kind == 10:
        return f"[{inner}, {expression(rng, depth - 1)}]"
    return rng.choice([f"{{'k': {inner}, 'a': 2}}", f"(not {inner})", f"(-{inner})", f"'%s' % ({inner},)", f"'{{!r}}'.format({inner})"])


def statement(rng, depth):
    e = lambda: expression(rng, rng.randrange(3))
    body = lambda: statement(rng, depth - 1) if depth > 0 else "{{ " + e() + " }}"
    space = lambda: rng.choice(["", "", " ", "\n", "\n  ", "  \n"])
    dash = lambda: rng.choice(["", "", "-", "+"])
    name = lambda: rng.choice(["x", "y", "n", "s", "q"])
    kind = rng.randrange(12)
    if kind <= 1:
        return f"{space()}{{%{dash()} if {e()} %}}{space()}{body()}{{% else %}}{body()}{{%{dash()} endif %}}{space()}"
    if kind <= 3:
        return (f"{{% for i in {e()} %}}{space()}{{{{ loop.index }}}}{{{{ i }}}}{body()}"
                f"{rng.choice(['', '{% if loop.index > 2 %}{% break %}{% endif %}', '{{ loop.last }}', '{{ loop.nextitem }}'])}{{% endfor %}}")
    if kind <= 5:
        return f"{{% set {name()} = {e()} %}}{space()}{body()}{{{{ {name()} }}}}"
    if kind == 6:
        return f"{{% set {name()} %}}{body()}{{% endset %}}{{{{ {name()} }}}}"
    if kind == 7:
        return f"{{% macro m(x, y=1) %}}{body()}{{{{ x }}}}{{{{ y }}}}{{% endmacro %}}{{{{ m({e()}) }}}}{{{{ m(1, {e()}) }}}}"
    if kind == 8:
        return f"{{% with {name()} = {e()} %}}{body()}{{% endwith %}}{{{{ {name()} }}}}"
    if kind == 9:
        return f"{{% filter {rng.choice(['upper', 'trim', 'title', 'length', 'replace(1, 2)'])} %}}{body()}{{% endfilter %}}"
    if kind == 10:
        return f"{{% if {name()} is defined %}}{{% set {name()} = {e()} %}}{{% endif %}}{{% for i in l %}}{{{{ {name()} }}}}{{% set {name()} = i %}}{{% endfor %}}{{{{ {name()} }}}}"
    return f"{body()}{space()}{{#{dash()} note #}}{space()}{body()}"


def random_templates(rng, count):
    for index in range(count):
        if index % 3 == 0:
            yield statement(rng, 2) + statement(rng, 1)
        else:
            yield "{{ " + expression(rng, rng.randrange(1, 4)) + " }}"
