#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use gtmpl_ng::Value;
use proptest::prelude::*;

/// Templates, each with its text as text/template with Sprig 3.3 makes it.
const CASES: &[(&str, &str)] = &[
    // Actions.
    ("a {{/* b */}} c {{- \" d\" -}} e", "a  c de"),
    ("{{ range $i := until 3 }}{{ if $i }},{{ end }}h{{ add1 $i }}{{ end }}", "h1,h2,h3"),
    ("{{ range $i, $x := list \"a\" \"b\" }}{{ $i }}={{ $x }};{{ else }}none{{ end }}", "0=a;1=b;"),
    ("{{ range $x := list }}{{ $x }}{{ else }}none{{ end }}", "none"),
    ("{{ range $k, $v := dict \"b\" 2 \"a\" 1 }}{{ $k }}{{ $v }}{{ end }}", "a1b2"),
    ("{{ with $x := \"y\" }}{{ . }}{{ $x }}{{ else }}n{{ end }}{{ . }}", "yyfalse"),
    ("{{ define \"t\" }}[{{ . }}]{{ end }}{{ template \"t\" \"x\" }}{{ template \"t\" 3 }}", "[x][3]"),
    ("{{ $x := 1 }}{{ if eq $x 1 }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ if and (not false) (or \"\" \"x\") }}yes{{ else if true }}no{{ end }}", "yes"),
    (
        "{{ range until 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
        "02",
    ),
    ("{{ index (list \"a\" \"b\") 1 }}{{ len \"abc\" }}{{ printf \"%03d %q %v\" 7 \"x\" true }}", "b3007 \"x\" true"),
    ("{{ $d := dict \"a\" (dict \"b\" \"c\") }}{{ $d.a.b }}{{ index $d \"a\" \"b\" }}", "cc"),
    ("{{ `raw {{ }}` }}{{ \"q\\\"\\t\" }}{{ 'a' }}{{ 0x10 }}{{ 1.5 }}", "raw {{ }}q\"\t97161.5"),
    (
        "{{ lt 1 2 }}{{ ge \"b\" \"a\" }}{{ ne 1 2 }}{{ html \"<a>\" }}{{ urlquery \"a b\" }}",
        "truetruetrue&lt;a&gt;a+b",
    ),
    // Texts.
    ("{{ \"a,b,c\" | upper }}{{ lower \"ABC\" }}{{ title \"hello wide-world\" }}", "A,B,CabcHello Wide-World"),
    ("{{ untitle \"Hello World\" }}|{{ initials \"First Try\" }}|{{ nospace \" a b \" }}", "hello world|FT|ab"),
    (
        "{{ trim \"  a \" }}|{{ trimAll \"$\" \"$5$\" }}|{{ trimPrefix \"-\" \"-a\" }}|{{ trimSuffix \"-\" \"a-\" }}",
        "a|5|a|a",
    ),
    (
        "{{ repeat 3 \"ab\" }}|{{ substr 1 3 \"hello\" }}|{{ substr -1 2 \"hello\" }}|{{ trunc 2 \"hello\" }}|{{ trunc -2 \"hello\" }}",
        "ababab|el|he|he|lo",
    ),
    ("{{ abbrev 8 \"hello world\" }}|{{ abbrev 3 \"hello\" }}", "hello...|hello"),
    (
        "{{ contains \"cat\" \"catch\" }}{{ hasPrefix \"ca\" \"catch\" }}{{ hasSuffix \"x\" \"catch\" }}",
        "truetruefalse",
    ),
    ("{{ quote \"a\\\"b\" 1 }}|{{ squote \"a\" 1 }}|{{ cat \"a\" 1 true }}", "\"a\\\"b\" \"1\"|'a' '1'|a 1 true"),
    ("{{ indent 2 \"a\\nb\" }}|{{ nindent 2 \"a\" }}", "  a\n  b|\n  a"),
    (
        "{{ \"I am\" | replace \" \" \"-\" }}|{{ plural \"one\" \"many\" 1 }}{{ plural \"one\" \"many\" 2 }}",
        "I-am|onemany",
    ),
    ("{{ range split \"a:b\" \":\" }}[{{ . }}]{{ end }}{{ splitList \"$\" \"x$y\" | join \"+\" }}", "[a][b]x+y"),
    ("{{ $p := splitn \"-\" 2 \"a-b-c\" }}{{ $p._0 }}/{{ $p._1 }}", "a/b-c"),
    (
        "{{ normalize \"a.b/c\" }}|{{ toString 5 }}|{{ join \",\" (list 1 \"a\") }}|{{ toStrings (list 1 2) }}",
        "a-b-c|5|1,a|[1 2]",
    ),
    // Lists.
    ("{{ $l := list 1 2 3 }}{{ first $l }}{{ last $l }}{{ rest $l }}{{ initial $l }}", "13[2 3][1 2]"),
    (
        "{{ append (list 1) 2 }}{{ prepend (list 1) 0 }}{{ concat (list 1) (list 2 3) }}{{ reverse (list 1 2) }}",
        "[1 2][0 1][1 2 3][2 1]",
    ),
    (
        "{{ uniq (list 1 1 2) }}{{ without (list 1 2 3) 1 3 }}{{ has 2 (list 1 2) }}{{ compact (list 1 \"\" 0) }}",
        "[1 2][2]true[1]",
    ),
    (
        "{{ slice (list 1 2 3) 1 }}{{ slice (list 1 2 3) 0 2 }}{{ sortAlpha (list \"b\" \"a\") }}{{ chunk 2 (list 1 2 3) }}",
        "[2 3][1 2][a b][[1 2] [3]]",
    ),
    // Dictionaries.
    (
        "{{ $d := dict \"a\" 1 \"b\" 2 }}{{ get $d \"a\" }}{{ get $d \"z\" }}{{ hasKey $d \"b\" }}{{ keys $d | sortAlpha }}",
        "1true[a b]",
    ),
    (
        "{{ pick (dict \"a\" 1 \"b\" 2) \"a\" }}{{ omit (dict \"a\" 1 \"b\" 2) \"a\" }}{{ pluck \"a\" (dict \"a\" 1) (dict \"a\" 2) }}",
        "map[a:1]map[b:2][1 2]",
    ),
    (
        "{{ merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) }}{{ mergeOverwrite (dict \"a\" 1) (dict \"a\" 2) }}",
        "map[a:1 b:3]map[a:2]",
    ),
    (
        "{{ dig \"a\" \"b\" \"none\" (dict \"a\" (dict \"b\" \"x\")) }}{{ dig \"a\" \"c\" \"none\" (dict \"a\" (dict)) }}",
        "xnone",
    ),
    // Numbers.
    ("{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 2 }} {{ add1 4 }}", "6 3 24 3 1 5"),
    ("{{ max 1 5 3 }} {{ min 4 2 }} {{ biggest 1 2 }} {{ maxf 1.5 2 }} {{ minf 1.5 2 }}", "5 2 2 2 1.5"),
    (
        "{{ floor 1.7 }} {{ ceil 1.2 }} {{ round 1.2345 2 }} {{ round 123.5555 3 }} {{ int \"12\" }} {{ int64 3.9 }} {{ float64 \"1.5\" }} {{ atoi \"x\" }}",
        "1 2 1.23 123.556 12 3 1.5 0",
    ),
    (
        "{{ until 3 }}{{ untilStep 3 9 2 }}{{ until -2 }}{{ seq 3 }}|{{ seq 2 4 }}|{{ seq 0 2 6 }}|{{ seq 3 1 }}|{{ seq 0 -2 6 }}",
        "[0 1 2][3 5 7][0 -1]1 2 3|2 3 4|0 2 4 6|3 2 1|",
    ),
    // Choice.
    (
        "{{ default \"d\" \"\" }}{{ default \"d\" \"x\" }}{{ \"\" | default \"p\" }}{{ default 5 0 }}{{ default \"d\" (list) }}",
        "dxp5d",
    ),
    (
        "{{ empty \"\" }}{{ empty 1 }}{{ coalesce 0 \"\" \"x\" }}{{ all 1 \"a\" }}{{ any 0 \"\" }}{{ ternary \"y\" \"n\" true }}",
        "truefalsextruefalsey",
    ),
    (
        "{{ kindOf \"a\" }} {{ kindOf 1 }} {{ kindOf (list) }} {{ kindOf (dict) }} {{ kindIs \"bool\" true }} {{ deepEqual (list 1) (list 1) }}",
        "string int slice map true true",
    ),
    // Encodings.
    (
        "{{ b64enc \"hello\" }} {{ b64dec \"aGVsbG8=\" }} {{ sha1sum \"a\" }} {{ adler32sum \"hello\" }}",
        "aGVsbG8= hello 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 103547413",
    ),
    ("{{ sha256sum \"a\" | trunc 8 }} {{ sha512sum \"a\" | trunc 8 }}", "ca978112 1f40fc92"),
    (
        "{{ toJson (dict \"a\" (list 1 true \"<x>\")) }} {{ toRawJson \"<\" }} {{ (fromJson \"{\\\"a\\\":[1,2.5]}\").a }}",
        "{\"a\":[1,true,\"\\u003cx\\u003e\"]} \"<\" [1 2.5]",
    ),
    // Regular expressions.
    (
        "{{ regexMatch \"^a.c$\" \"abc\" }} {{ regexFind \"[0-9]+\" \"a12b3\" }} {{ regexFindAll \"[0-9]\" \"a12b3\" 2 }} {{ regexFindAll \"[0-9]\" \"a12b3\" -1 }}",
        "true 12 [1 2] [1 2 3]",
    ),
    (
        "{{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\" }} {{ regexReplaceAllLiteral \"a\" \"abc\" \"$1\" }} {{ regexSplit \"z+\" \"pizza\" -1 }} {{ regexQuoteMeta \"1.2-3\" }}",
        "-W-xxW- $1bc [pi a] 1\\.2-3",
    ),
    // Paths.
    (
        "{{ base \"a/b.txt\" }} {{ dir \"a/b/c\" }} {{ clean \"a/../b//c/.\" }} {{ ext \"a/b.tar.gz\" }} {{ isAbs \"/a\" }} {{ base \"/\" }} {{ dir \"a\" }}",
        "b.txt a/b b/c .gz true / .",
    ),
];

#[test]
fn templates_make_what_go_makes() {
    for (template, made) in CASES {
        assert_eq!(render(template).as_deref(), Ok(*made), "{template}");
    }
}

#[test]
fn the_environment_is_read() {
    // Cargo sets it for tests.
    let name = std::env::var("CARGO_PKG_NAME").unwrap();
    assert_eq!(render("{{ env \"CARGO_PKG_NAME\" }}{{ env \"FLOW_NO_SUCH\" }}").unwrap(), name);
    assert_eq!(
        render("{{ expandenv \"a $CARGO_PKG_NAME ${CARGO_PKG_NAME}b $$ $FLOW_NO_SUCH.\" }}").unwrap(),
        format!("a {name} {name}b  .")
    );
}

#[test]
fn a_text_without_actions_is_returned_as_it_is() {
    for text in ["", "a: {b: }}", "{ {x}}", "http:\n  routers: {}\n"] {
        assert!(matches!(render(text), Ok(Cow::Borrowed(same)) if same == text));
    }
}

#[test]
fn what_cannot_be_rendered_names_its_place() {
    for (text, line, message) in [
        ("a\n{{ genCA \"x\" 1 }}", 2, "the function genCA is not served"),
        ("a\n\n  {{ set (dict) \"a\" 1 }}", 3, "the function set is not served"),
        ("{{ nosuch 1 }}", 1, "function nosuch not defined"),
        ("a\n{{ if }}", 2, "missing value for if"),
        ("a\nb {{ upper", 2, ""),
        ("{{ range until 3 }}", 1, ""),
        ("a\nb\n{{ fail \"stop here\" }}", 3, "stop here"),
        ("\n{{ upper 5 }}", 2, "it takes a text, not 5"),
        ("{{ div 1 0 }}", 1, "cannot divide by zero"),
        ("{{ repeat 100000000 \"x\" }}", 1, "too long"),
        ("{{ until 1000000 }}", 1, "10000 numbers at most"),
        ("{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}", 1, "iterations"),
        ("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}", 1, "nesting"),
    ] {
        let broken = render(text).unwrap_err();
        assert!(broken.message.starts_with("template: ") && broken.message.contains(message), "{text}: {broken:?}");
        assert_eq!(broken.place.map(|place| place.line), Some(line), "{text}: {broken:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_rendered_or_refused(text in ".{0,80}", action in "[ \\-a-z0-9$.|()\"`]{0,60}") {
        let _ = render(&format!("{text}{{{{{action}}}}}"));
        let plain = text.replace("{{", "");
        prop_assert_eq!(render(&plain).unwrap(), plain.as_str());
    }

    #[test]
    fn any_arguments_give_a_result_or_an_error(
        function in prop::sample::select(functions::ALL.concat()),
        arguments in prop::collection::vec(value(), 0..4),
    ) {
        let _ = function.1(&arguments);
    }
}

/// A value of any kind, with numbers at the ends of their ranges among them.
fn value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(i64::MIN), Just(i64::MAX), -3..20i64].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        "[0-9a-z/.${}-]{0,6}".prop_map(Value::from),
    ];
    single.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::hash_map("[a-c]", inner, 0..3).prop_map(Value::Map),
        ]
    })
}

#[test]
fn no_function_is_both_served_and_not() {
    let served: Vec<_> = functions::ALL.concat().into_iter().map(|(name, _)| name).collect();
    assert!(!functions::UNSERVED.iter().any(|name| served.contains(name)));
    let mut once = served.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), served.len());
}
