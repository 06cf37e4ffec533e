use crate::objects::{ConditionStatus, Http01, Http01Ingress, Key, Meta, Solver, SolverSelector, condition};
use crate::planner::action::{Object, Write};
use crate::planner::solver::{choose, foreign_class, passed_over};
use crate::view::{Settings, View};

fn solver(class: &str, selector: Option<SolverSelector>) -> Solver {
    let ingress = Http01Ingress { class: Some(class.to_owned()), ..Http01Ingress::default() };
    Solver { selector, http01: Some(Http01 { ingress: Some(ingress), ..Http01::default() }), dns01: None }
}

fn class(solver: Option<Solver>) -> Option<String> {
    solver?.http01?.ingress?.class().map(str::to_owned)
}

fn names(names: &[&str]) -> Option<SolverSelector> {
    Some(SolverSelector { dns_names: names.iter().map(|n| (*n).to_owned()).collect(), ..SolverSelector::default() })
}

fn zones(zones: &[&str]) -> Option<SolverSelector> {
    Some(SolverSelector { dns_zones: zones.iter().map(|z| (*z).to_owned()).collect(), ..SolverSelector::default() })
}

#[test]
fn the_most_specific_solver_wins() {
    let labelled =
        SolverSelector { match_labels: [("team".to_owned(), "a".to_owned())].into(), ..SolverSelector::default() };
    let solvers = [
        solver("any", None),
        solver("label", Some(labelled)),
        solver("zone", zones(&["example.org"])),
        solver("subzone", zones(&["example.com", "sub.example.org"])),
        solver("name", names(&["exact.sub.example.org"])),
        solver("later", None),
        Solver { dns01: Some(serde_json::json!({})), ..Solver::default() },
    ];
    let order = Meta::named(Key::new("web", "order"));
    let mut team = order.clone();
    team.labels.insert("team".to_owned(), "a".to_owned());
    for (order, name, wanted) in [
        (&order, "a.test", "any"),
        (&team, "a.test", "label"),
        (&order, "a.example.org", "zone"),
        (&order, "example.org", "zone"),
        (&order, "badexample.org", "any"),
        (&team, "a.example.org", "zone"),
        (&order, "a.sub.example.org", "subzone"),
        (&order, "EXACT.sub.example.org", "name"),
    ] {
        assert_eq!(class(choose(&solvers, order, name, false)).as_deref(), Some(wanted), "{name}");
    }
    assert_eq!(choose(&solvers, &order, "a.test", true), None, "no wildcard over HTTP");
    assert_eq!(choose(&solvers[6..], &order, "a.test", false), None, "DNS-01 is not solved here");
}

#[test]
fn overrides_decide_the_class() {
    let mut order = Meta::named(Key::new("web", "order"));
    let name = "acme.cert-manager.io/http01-override-ingress-class";
    order.annotations.insert(name.to_owned(), "nginx".to_owned());
    let chosen = choose(&[solver("traefik", None)], &order, "a.test", false).unwrap();
    assert_eq!(foreign_class(&chosen, &View::default(), &Settings::default()), Some("nginx"));
    // An IngressClass of this controller, whatever its name.
    let classes = View { classes: ["nginx".to_owned()].into(), ..View::default() };
    assert_eq!(foreign_class(&chosen, &classes, &Settings::default()), None);
    assert_eq!(foreign_class(&solver("traefik", None), &View::default(), &Settings::default()), None);
    let anywhere = Solver { http01: Some(Http01::default()), ..Solver::default() };
    assert_eq!(foreign_class(&anywhere, &View::default(), &Settings::default()), None);
}

#[test]
fn solvers_of_dns_are_said_to_be_passed_over() {
    assert_eq!(passed_over(&[solver("traefik", None)]), None);
    let dns = serde_json::json!({ "cnameStrategy": "Follow", "cloudflare": {} });
    let solvers = [solver("traefik", None), Solver { dns01: Some(dns), ..Solver::default() }];
    let told = passed_over(&solvers).unwrap();
    assert!(told.starts_with("solvers of dns01 (cloudflare) are passed over"), "{told}");
    // It is on the issuer, which is ready all the same.
    let mut scene = super::scene::Scene::new();
    scene.issuer.spec.acme.as_mut().unwrap().solvers.extend(solvers);
    let plan = scene.plan();
    let ready = plan.steps.iter().flat_map(|step| &step.writes).find_map(|write| match write {
        Write::Status(Object::Issuer(issuer)) => condition(&issuer.status.conditions, "Ready").cloned(),
        _ => None,
    });
    let ready = ready.unwrap();
    assert_eq!(ready.status, ConditionStatus::True);
    assert!(ready.message.ends_with(&told), "{}", ready.message);
}
