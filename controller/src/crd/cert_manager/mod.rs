//! The definitions of cert-manager's kinds, for clusters that never had a cert-manager: its names, columns and rules,
//! reduced to the fields used here. Other fields are kept as written, so that the objects of a user who goes (back) to
//! cert-manager lose nothing. cert-manager checks objects in a webhook; here the rules are in CEL.

mod rules;

use super::definition::schema;
use flow_acme::objects::{
    CertificateSpec, CertificateStatus, ChallengeSpec, ChallengeStatus, IssuerSpec, IssuerStatus, OrderSpec,
    OrderStatus, RequestSpec, RequestStatus,
};
use rules::{Rule, Shape};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// The API groups, each of which is a file of definitions.
pub const GROUPS: [&str; 2] = [flow_acme::objects::GROUP, flow_acme::objects::ACME_GROUP];

/// Returns the definitions of a group's kinds as a YAML stream; empty for a group that is not one of [`GROUPS`].
///
/// # Errors
/// If a generated schema cannot be written, which is a mistake in this module.
pub fn yaml(group: &str) -> Result<String, serde_yaml_ng::Error> {
    let mut text = String::from("# Generated from the Rust types in acme/src/objects; do not edit.\n");
    for document in documents().into_iter().filter(|document| document["spec"]["group"] == group) {
        text.push_str("---\n");
        text.push_str(&serde_yaml_ng::to_string(&document)?);
    }
    Ok(text)
}

/// The names, columns and rules of a kind.
struct Kind {
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    /// Name, path, and true if only `-o wide` shows the column.
    columns: &'static [(&'static str, &'static str, bool)],
    selectable: bool,
    /// Paths below `spec` that keep unknown fields; empty is `spec` itself.
    open: &'static [&'static str],
    /// Rules of `spec`, and additions to the schema of its type.
    rules: fn() -> Vec<Rule>,
    shapes: fn() -> Vec<Shape>,
}

const READY: &str = r#".status.conditions[?(@.type == "Ready")].status"#;
const MESSAGE: &str = r#".status.conditions[?(@.type == "Ready")].message"#;
const ISSUER_COLUMNS: &[(&str, &str, bool)] = &[("Ready", READY, false), ("Status", MESSAGE, true)];

const ISSUER: Kind = Kind {
    group: flow_acme::objects::GROUP,
    name: "Issuer",
    plural: "issuers",
    short: &["iss"],
    namespaced: true,
    columns: ISSUER_COLUMNS,
    selectable: false,
    open: &["", "acme", "acme.solvers.*", "acme.solvers.*.http01.ingress"],
    rules: rules::issuer,
    shapes: rules::issuer_shapes,
};

const CLUSTER_ISSUER: Kind =
    Kind { name: "ClusterIssuer", plural: "clusterissuers", short: &["ciss"], namespaced: false, ..ISSUER };

const CERTIFICATE: Kind = Kind {
    group: flow_acme::objects::GROUP,
    name: "Certificate",
    plural: "certificates",
    short: &["cert", "certs"],
    namespaced: true,
    columns: &[
        ("Ready", READY, false),
        ("Secret", ".spec.secretName", false),
        ("Issuer", ".spec.issuerRef.name", true),
        ("Status", MESSAGE, true),
    ],
    selectable: true,
    open: &["", "privateKey", "renewal", "keystores.jks", "keystores.pkcs12"],
    rules: rules::certificate,
    shapes: rules::certificate_shapes,
};

const REQUEST: Kind = Kind {
    group: flow_acme::objects::GROUP,
    name: "CertificateRequest",
    plural: "certificaterequests",
    short: &["cr", "crs"],
    namespaced: true,
    columns: &[
        ("Approved", r#".status.conditions[?(@.type == "Approved")].status"#, false),
        ("Denied", r#".status.conditions[?(@.type == "Denied")].status"#, false),
        ("Ready", READY, false),
        ("Issuer", ".spec.issuerRef.name", false),
        ("Requester", ".spec.username", false),
        ("Status", MESSAGE, true),
    ],
    selectable: true,
    open: &[""],
    rules: rules::request,
    shapes: rules::request_shapes,
};

const ORDER: Kind = Kind {
    group: flow_acme::objects::ACME_GROUP,
    name: "Order",
    plural: "orders",
    short: &[],
    namespaced: true,
    columns: &[
        ("State", ".status.state", false),
        ("Issuer", ".spec.issuerRef.name", true),
        ("Reason", ".status.reason", true),
    ],
    selectable: true,
    open: &[""],
    rules: rules::unchanged,
    shapes: Vec::new,
};

const CHALLENGE: Kind = Kind {
    group: flow_acme::objects::ACME_GROUP,
    name: "Challenge",
    plural: "challenges",
    short: &[],
    namespaced: true,
    columns: &[
        ("State", ".status.state", false),
        ("Domain", ".spec.dnsName", false),
        ("Reason", ".status.reason", true),
    ],
    selectable: true,
    open: &["", "solver.http01.ingress"],
    rules: rules::unchanged,
    shapes: Vec::new,
};

fn documents() -> Vec<Value> {
    vec![
        document::<RequestSpec, RequestStatus>(&REQUEST),
        document::<CertificateSpec, CertificateStatus>(&CERTIFICATE),
        document::<IssuerSpec, IssuerStatus>(&CLUSTER_ISSUER),
        document::<IssuerSpec, IssuerStatus>(&ISSUER),
        document::<ChallengeSpec, ChallengeStatus>(&CHALLENGE),
        document::<OrderSpec, OrderStatus>(&ORDER),
    ]
}

fn document<S: JsonSchema, T: JsonSchema>(kind: &Kind) -> Value {
    let mut spec = part::<S>();
    for path in kind.open {
        open(&mut spec, path);
    }
    let mut status = part::<T>();
    open(&mut status, "");
    (kind.shapes)().into_iter().for_each(|shape| refine(&mut spec, shape));
    (kind.rules)().into_iter().for_each(|one| demand(&mut spec, one));
    if kind.name == "CertificateRequest" {
        rules::request_status_shapes().into_iter().for_each(|shape| refine(&mut status, shape));
        rules::request_status().into_iter().for_each(|one| demand(&mut status, one));
    }
    let mut categories = vec!["cert-manager"];
    if kind.group == flow_acme::objects::ACME_GROUP {
        categories.push("cert-manager-acme");
    }
    let mut names = Map::new();
    names.insert("kind".to_owned(), json!(kind.name));
    names.insert("listKind".to_owned(), json!(format!("{}List", kind.name)));
    names.insert("plural".to_owned(), json!(kind.plural));
    names.insert("singular".to_owned(), json!(kind.name.to_lowercase()));
    names.insert("categories".to_owned(), json!(categories));
    if !kind.short.is_empty() {
        names.insert("shortNames".to_owned(), json!(kind.short));
    }
    let mut version = json!({
        "name": flow_acme::objects::VERSION,
        "served": true,
        "storage": true,
        "subresources": { "status": {} },
        "additionalPrinterColumns": columns(kind),
        "schema": { "openAPIV3Schema": {
            "type": "object",
            "required": ["spec"],
            "properties": {
                "apiVersion": { "type": "string" },
                "kind": { "type": "string" },
                "metadata": { "type": "object" },
                "spec": spec,
                "status": status,
            },
        } },
    });
    if kind.selectable {
        let fields = ["group", "kind", "name"].map(|name| json!({ "jsonPath": format!(".spec.issuerRef.{name}") }));
        version["selectableFields"] = json!(fields);
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{}.{}", kind.plural, kind.group) },
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "versions": [version],
        },
    })
}

/// Returns the columns. `AGE` stands after those that are always shown and before those of `-o wide`, as in kubectl.
fn columns(kind: &Kind) -> Vec<Value> {
    let column = |&(name, path, wide): &(&str, &str, bool)| {
        let priority = i32::from(wide);
        json!({ "name": name, "jsonPath": path, "type": "string", "priority": priority })
    };
    let (wide, always): (Vec<_>, Vec<_>) = kind.columns.iter().partition(|(_, _, wide)| *wide);
    let age = json!({ "name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date" });
    always.into_iter().map(column).chain([age]).chain(wide.into_iter().map(column)).collect()
}

/// Returns the schema of a part of an object. Durations and times are texts in cert-manager's API.
fn part<S: JsonSchema>() -> Value {
    let mut value = schema::<S>().to_value();
    texts(&mut value);
    value
}

fn texts(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.remove("x-kubernetes-int-or-string").is_some() {
                object.insert("type".to_owned(), json!("string"));
            }
            // Values of any form: the settings of a DNS solver are not read here.
            let any = !["type", "properties", "items"].iter().any(|key| object.contains_key(*key));
            if any && object.contains_key("description") && !object.contains_key("x-kubernetes-preserve-unknown-fields")
            {
                object.insert("type".to_owned(), json!("object"));
                object.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
            }
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.values_mut().for_each(texts);
            }
            for key in ["items", "additionalProperties"] {
                if let Some(child) = object.get_mut(key) {
                    texts(child);
                }
            }
        }
        Value::Bool(true) => *schema = json!({ "x-kubernetes-preserve-unknown-fields": true }),
        _ => {}
    }
}

/// Returns the schema at `path`: `*` are the items of a list, `=` the values of a map.
fn part_at<'a>(schema: &'a mut Value, path: &str) -> Option<&'a mut Map<String, Value>> {
    let place = path.split('.').filter(|part| !part.is_empty()).try_fold(schema, |schema, part| match part {
        "*" => schema.get_mut("items"),
        "=" => schema.get_mut("additionalProperties"),
        part => schema.get_mut("properties")?.get_mut(part),
    });
    place.and_then(Value::as_object_mut)
}

/// Makes the schema at `path` keep fields that it does not name.
fn open(schema: &mut Value, path: &str) {
    if let Some(part) = part_at(schema, path) {
        part.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
    }
}

/// Adds a shape to the schema; where the last part of its path begins with `+` that is a new field.
fn refine(schema: &mut Value, (path, more): Shape) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    if let Some(name) = name.strip_prefix('+') {
        let fields = part_at(schema, parent).and_then(|part| part.get_mut("properties")?.as_object_mut());
        fields.and_then(|fields| fields.insert(name.to_owned(), more));
    } else if let (Some(part), Value::Object(more)) = (part_at(schema, path), more) {
        part.extend(more);
    }
}

fn demand(schema: &mut Value, Rule { path, rule, message }: Rule) {
    let Some(part) = part_at(schema, path) else { return };
    let rules = part.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
    if let Some(rules) = rules.as_array_mut() {
        rules.push(json!({ "rule": rule, "message": message }));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use std::path::Path;

    /// The files that users apply are these types. `UPDATE=1 cargo test -p flow-controller crds` writes them anew.
    #[test]
    fn crds_in_deploy_are_generated_from_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
        for group in GROUPS {
            let file = folder.join(format!("{group}.yaml"));
            let text = yaml(group).unwrap();
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == text, "{} is not what the types say; run with UPDATE=1", file.display());
        }
    }

    #[test]
    fn definitions_are_valid_for_kubernetes_types() {
        for document in documents() {
            let definition: CustomResourceDefinition = serde_json::from_value(document).unwrap();
            let version = &definition.spec.versions[0];
            assert!(version.subresources.as_ref().unwrap().status.is_some());
            assert!(version.additional_printer_columns.as_ref().unwrap().iter().any(|c| c.name == "Age"));
        }
    }

    /// A path that leads nowhere would be a rule without effect.
    #[test]
    fn every_rule_and_shape_has_its_place() {
        for kind in [CERTIFICATE, ISSUER, REQUEST, ORDER] {
            let mut spec = match kind.name {
                "Certificate" => part::<CertificateSpec>(),
                "Issuer" => part::<IssuerSpec>(),
                "Order" => part::<OrderSpec>(),
                _ => part::<RequestSpec>(),
            };
            for shape in (kind.shapes)() {
                let path = shape.0;
                refine(&mut spec, shape);
                assert!(part_at(&mut spec, &path.replace('+', "")).is_some(), "{}: {path}", kind.name);
            }
            for rule in (kind.rules)() {
                assert!(part_at(&mut spec, rule.path).is_some(), "{}: {}", kind.name, rule.path);
            }
        }
    }

    #[test]
    fn they_fit_the_annotation_of_a_client_side_apply() {
        for document in documents() {
            assert!(serde_json::to_string(&document).unwrap().len() < 262_144, "{}", document["metadata"]["name"]);
        }
    }
}
