//! Windows of renewals.

use super::scene::{Scene, certificates, events};
use crate::objects::{ConditionStatus, Renewal, RenewalWindow};
use flow_model::duration::GoDuration;
use std::time::Duration;

fn window(timezone: &str, cron: &str, duration: &str) -> RenewalWindow {
    RenewalWindow { timezone: timezone.to_owned(), cron: cron.to_owned(), window_duration: duration.to_owned() }
}

/// A certificate that ends on 21 February 2027 (a Sunday) at 12:00 UTC, to be renewed 30 days before: on 22 January, a
/// Friday, at 12:00.
fn scene(windows: &[RenewalWindow]) -> Scene {
    let mut scene = Scene::new();
    scene.certificate.spec.renew_before = Some(GoDuration(Duration::from_hours(30 * 24)));
    scene.certificate.spec.renewal = Some(Renewal { policy: "RenewBefore".to_owned(), windows: windows.to_vec() });
    scene
}

fn time(windows: &[RenewalWindow]) -> String {
    let scene = scene(windows);
    assert_eq!(scene.condition("Ready").unwrap().reason, "Ready");
    scene.updated().status.renewal_time.map_or_else(String::new, |at| at.to_string())
}

#[test]
fn a_renewal_waits_for_a_window() {
    for (windows, then) in [
        (vec![], "2027-01-22T12:00:00Z"),
        // Open at that time: at its beginning, in its midst, just before its end, and no longer at its end.
        (vec![window("", "0 12 * * *", "1h")], "2027-01-22T12:00:00Z"),
        (vec![window("", "0 2 * * *", "24h")], "2027-01-22T12:00:00Z"),
        (vec![window("", "59 11 * * 5", "1m1s")], "2027-01-22T12:00:00Z"),
        (vec![window("", "59 11 * * 5", "1m")], "2027-01-29T11:59:00Z"),
        (vec![window("", "0 2 * * *", "2h")], "2027-01-23T02:00:00Z"),
        (vec![window("Europe/Berlin", "0 2 * * *", "2h")], "2027-01-23T01:00:00Z"),
        // The nearest of several.
        (vec![window("", "0 2 * * 0", "2h"), window("", "0 3 * * 6", "1h")], "2027-01-23T03:00:00Z"),
    ] {
        assert_eq!(time(&windows), then, "{windows:?}");
    }
}

#[test]
fn a_window_after_the_end_is_told() {
    // Within a length of the window after the end, as in cert-manager: the certificate expires first.
    let scene = scene(&[window("", "0 13 21 2 *", "2h")]);
    let told = scene.condition("RenewalInTime").unwrap();
    assert_eq!((told.status, &*told.reason), (ConditionStatus::False, "WindowTooLate"));
    assert!(told.message.contains("before the next of spec.renewal.windows begins at 2027-02-21T13:00:00Z"));
    let mut scene = scene;
    scene.certificate = scene.updated();
    scene.certificate.spec.renewal = None;
    assert_eq!(scene.condition("RenewalInTime"), None);
}

#[test]
fn a_broken_window_makes_the_certificate_unready_and_says_why() {
    let prefix = "Could not calculate renewal time: ";
    for (windows, words) in [
        (vec![window("Europe/Nowhere", "0 2 * * *", "2h")], "error parsing timezone in window unknown time zone"),
        (vec![window("", "0 25 * * *", "2h")], "error parsing cron in window \"25\" is no hour"),
        (vec![window("", "", "2h")], "error parsing cron in window expected exactly 5 fields, found 0"),
        (vec![window("", "0 2 * * *", "two hours")], "error parsing windowDuration in window \"two hours\""),
        (vec![window("", "0 2 * * *", "0s")], "error parsing windowDuration"),
        (vec![window("", "0 0 30 2 *", "2h")], "cannot find a time with the given windows for: 2027-01-22T12:00:00Z"),
        (vec![window("", "0 12 * * *", "1h"), window("", "x", "1h")], "error parsing cron in window"),
    ] {
        let scene = scene(&windows);
        let ready = scene.condition("Ready").unwrap();
        assert_eq!((ready.status, &*ready.reason), (ConditionStatus::False, "WindowError"), "{words}");
        assert!(ready.message.starts_with(prefix) && ready.message.contains(words), "{}", ready.message);
        assert_eq!(scene.updated().status.renewal_time, None);
        assert_eq!(scene.condition("Issuing"), None);
        let plan = scene.plan();
        assert!(events(&plan).iter().any(|event| event.reason == "WindowError"), "{words}");
        // The next look finds it told.
        let again = Scene { certificate: scene.updated(), ..scene };
        assert!(certificates(&again.plan()).is_empty());
    }
}
