//! The functions of Sprig, and Traefik's two. Those whose result differs each time, and those that change a dictionary
//! in place, are not among them.

mod argument;
mod dictionary;
mod encoding;
mod flow;
mod list;
mod number;
mod paths;
mod regexp;
mod text;

use gtmpl_ng::Func;

/// A function by its name in templates.
type Named = (&'static str, Func);

/// All functions beside those of text/template itself.
pub(super) const ALL: [&[Named]; 8] = [
    dictionary::FUNCTIONS,
    encoding::FUNCTIONS,
    flow::FUNCTIONS,
    list::FUNCTIONS,
    number::FUNCTIONS,
    paths::FUNCTIONS,
    regexp::FUNCTIONS,
    text::FUNCTIONS,
];

/// Functions of Sprig that are not served.
pub(super) const UNSERVED: [&str; 67] = [
    "ago",
    "b32dec",
    "b32enc",
    "bcrypt",
    "buildCustomCert",
    "camelcase",
    "date",
    "dateInZone",
    "dateModify",
    "date_in_zone",
    "date_modify",
    "decryptAES",
    "derivePassword",
    "duration",
    "durationRound",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "getHostByName",
    "htmlDate",
    "htmlDateInZone",
    "htpasswd",
    "kebabcase",
    "mustDateModify",
    "mustToDate",
    "must_date_modify",
    "now",
    "osBase",
    "osClean",
    "osDir",
    "osExt",
    "osIsAbs",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "semver",
    "semverCompare",
    "set",
    "shuffle",
    "snakecase",
    "swapcase",
    "toDate",
    "toDecimal",
    "typeIs",
    "typeIsLike",
    "typeOf",
    "unixEpoch",
    "unset",
    "urlJoin",
    "urlParse",
    "uuidv4",
    "wrap",
    "wrapWith",
    "abbrevboth",
    "add1f",
    "addf",
    "divf",
    "mulf",
    "subf",
];
