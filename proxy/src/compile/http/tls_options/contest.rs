//! Routers that want different TLS options for one host.

use super::{Choice, Guard, Outcome, TlsOptionsRequest};
use flow_model::name::Name;
use hashbrown::{HashMap, HashSet};

/// An entry point and a host on it.
type Place<'a> = (&'a str, &'a str);
type ByPlace<'a, T> = HashMap<Place<'a>, T, foldhash::fast::RandomState>;

/// A router that wants other options than another router for the same host.
#[derive(Clone, Copy)]
pub(super) struct Rival<'a> {
    pub(super) request: &'a TlsOptionsRequest,
    guard: Guard,
}

/// All rivals, in order of precedence: the oldest first, and of the same age those that ask for client certificates
/// first.
pub(super) struct Contest<'a> {
    rivals: Vec<Rival<'a>>,
    /// Hosts for which a rival asks for client certificates.
    guarded: HashSet<Place<'a>, foldhash::fast::RandomState>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(requests: &'a [TlsOptionsRequest], guard: &dyn Fn(&str) -> Guard) -> Self {
        let mut first: ByPlace<'a, &'a Name> = HashMap::default();
        let mut contested: HashSet<Place<'a>, foldhash::fast::RandomState> = HashSet::default();
        for (request, place) in requests.iter().flat_map(|request| places(request).map(move |place| (request, place))) {
            if *first.entry(place).or_insert(&request.options) != &request.options {
                contested.insert(place);
            }
        }
        let rivals = requests.iter().filter(|request| places(request).any(|place| contested.contains(&place)));
        let mut guards: HashMap<&Name, Guard, foldhash::fast::RandomState> = HashMap::default();
        let mut guard = |name: &'a Name| *guards.entry(name).or_insert_with(|| guard(name));
        let mut rivals: Vec<_> = rivals.map(|request| Rival { request, guard: guard(&request.options) }).collect();
        rivals.sort_unstable_by_key(|rival| {
            let TlsOptionsRequest { created, router, entry_point, .. } = rival.request;
            (*created, rival.guard, router, entry_point)
        });
        let places = rivals.iter().filter(|rival| rival.guard == Guard::Asks).flat_map(|rival| places(rival.request));
        let guarded = places.filter(|place| contested.contains(place)).collect();
        Self { rivals, guarded }
    }

    /// Serves none of them.
    pub(super) fn refuse_all(self, choice: &mut Choice) {
        let seniors = self.seniors(|_| true);
        for rival in &self.rivals {
            if let Some((host, other)) = rival.opponent(&seniors) {
                let end = "neither is served, as core.strictTLSOptions says";
                choice.add(rival.request, Outcome::Refused, rival.conflict(host, other) + end);
            }
        }
    }

    /// Removes those that are not served in any case, so that they do not affect others.
    pub(super) fn refuse_the_unusable(&mut self, choice: &mut Choice) {
        let (unusable, usable): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rivals).into_iter().partition(|rival| rival.guard == Guard::Unusable);
        self.rivals = usable;
        let seniors = self.seniors(|_| true);
        for rival in unusable {
            match rival.opponent(&seniors) {
                Some((host, other)) => {
                    let end = "it is not served, as its options cannot be used";
                    choice.add(rival.request, Outcome::Refused, rival.conflict(host, other) + end);
                }
                None => self.rivals.push(rival),
            }
        }
    }

    /// For hosts with client certificates, serves the oldest router and those that agree with it.
    pub(super) fn refuse_the_younger(&mut self, choice: &mut Choice) {
        let mut holders: ByPlace<'a, &'a TlsOptionsRequest> = HashMap::default();
        let mut refused: ByPlace<'a, &'a TlsOptionsRequest> = HashMap::default();
        let guarded = std::mem::take(&mut self.guarded);
        let guarded_places = |rival: &Rival<'a>| places(rival.request).filter(|place| guarded.contains(place));
        self.rivals.retain(|rival| {
            let request = rival.request;
            let lost = guarded_places(rival).find_map(|place| {
                let holder = *holders.get(&place)?;
                (holder.options != request.options).then_some((place, holder))
            });
            for place in guarded_places(rival) {
                if lost.is_some() {
                    refused.entry(place).or_insert(request);
                } else {
                    holders.entry(place).or_insert(request);
                }
            }
            let Some(((_, host), holder)) = lost else { return true };
            let end = "it is not served, as client certificates are asked for; give both the same options";
            choice.add(request, Outcome::Refused, rival.conflict(host, holder) + end);
            false
        });
        for rival in &self.rivals {
            let opponent = guarded_places(rival).find_map(|place| Some((place.1, *refused.get(&place)?)));
            if let Some((host, loser)) = opponent.filter(|(_, loser)| loser.options != rival.request.options) {
                let end = "that one is not served, as client certificates are asked for";
                choice.add(rival.request, Outcome::Kept, rival.conflict(host, loser) + end);
            }
        }
        self.guarded = guarded;
    }

    /// Gives the rest the default options.
    pub(super) fn fall_back(self, choice: &mut Choice) {
        let seniors = self.seniors(|place| !self.guarded.contains(&place));
        for rival in &self.rivals {
            if let Some((host, other)) = rival.opponent(&seniors) {
                let end = "the default ones are used for both";
                choice.add(rival.request, Outcome::Default, rival.conflict(host, other) + end);
            }
        }
    }

    /// For each host, the oldest router for each of the wanted options.
    fn seniors(&self, which: impl Fn(Place<'a>) -> bool) -> ByPlace<'a, Vec<&'a TlsOptionsRequest>> {
        let mut seniors: ByPlace<'a, Vec<&'a TlsOptionsRequest>> = HashMap::default();
        for request in self.rivals.iter().map(|rival| rival.request) {
            for place in places(request).filter(|place| which(*place)) {
                let known = seniors.entry(place).or_default();
                if known.iter().all(|senior| senior.options != request.options) {
                    known.push(request);
                }
            }
        }
        seniors
    }
}

impl<'a> Rival<'a> {
    /// The first host for which another router wants other options, and that router.
    fn opponent(&self, seniors: &ByPlace<'a, Vec<&'a TlsOptionsRequest>>) -> Option<(&'a str, &'a TlsOptionsRequest)> {
        places(self.request).find_map(|place| {
            let other = seniors.get(&place)?.iter().find(|senior| senior.options != self.request.options)?;
            Some((place.1, *other))
        })
    }
}

fn places(request: &TlsOptionsRequest) -> impl Iterator<Item = Place<'_>> {
    request.hosts.iter().map(|host| (&*request.entry_point, &**host))
}
