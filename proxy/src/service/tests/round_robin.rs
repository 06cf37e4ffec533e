use crate::service::round_robin::WeightedRoundRobin;
use proptest::prelude::*;

fn shares(weights: &[i64], choices: usize) -> Vec<usize> {
    let round_robin = WeightedRoundRobin::new(weights, 0);
    let mut shares = vec![0; weights.len()];
    for _ in 0..choices {
        shares[round_robin.next().unwrap()] += 1;
    }
    shares
}

#[test]
fn nothing_to_choose_from() {
    assert_eq!(WeightedRoundRobin::new(&[], 7).next(), None);
    assert_eq!(WeightedRoundRobin::new(&[0, -3], 7).next(), None);
    assert_eq!(WeightedRoundRobin::new(&[0], 7).find(|_| true), None);
}

#[test]
fn a_turn_spreads_the_heavy_one() {
    let round_robin = WeightedRoundRobin::new(&[3, 1], 0);
    let choices: Vec<_> = (0..8).map(|_| round_robin.next().unwrap()).collect();
    assert_eq!(choices, [0, 0, 0, 1, 0, 0, 0, 1]);
    let round_robin = WeightedRoundRobin::new(&[1, 1, 1], 1);
    let choices: Vec<_> = (0..6).map(|_| round_robin.next().unwrap()).collect();
    assert_eq!(choices, [1, 2, 0, 1, 2, 0]);
}

#[test]
fn weights_far_apart_all_get_their_share() {
    assert_eq!(shares(&[i64::from(i32::MAX), i64::from(i32::MAX)], 10), [5, 5]);
    let shares = shares(&[1_000_000, 1], 1 << 16);
    assert!(shares[1] >= 1 && shares[1] <= 2, "{shares:?}");
}

#[test]
fn the_next_wanted_place() {
    let round_robin = WeightedRoundRobin::new(&[1, 0, 1, 1], 2);
    assert_eq!(round_robin.find(|_| true), Some(3));
    assert_eq!(round_robin.find(|index| index != 3), Some(0));
    assert_eq!(round_robin.find(|index| index == 1), None, "no weight, no turn");
    assert_eq!(round_robin.next(), Some(3), "a look does not move it");
}

/// Traefik's heap: the earliest deadline is taken and pushed back by 1/weight.
fn heap(weights: &[i64], choices: usize) -> Vec<usize> {
    let mut deadlines: Vec<f64> = weights.iter().map(|weight| 1.0 / *weight as f64).collect();
    let mut shares = vec![0; weights.len()];
    for _ in 0..choices {
        let first = (0..weights.len()).min_by(|a, b| deadlines[*a].total_cmp(&deadlines[*b])).unwrap();
        deadlines[first] += 1.0 / weights[first] as f64;
        shares[first] += 1;
    }
    shares
}

proptest! {
    /// At every moment each server is within one choice of its share by the heap.
    #[test]
    fn shares_are_those_of_the_heap(weights in prop::collection::vec(1..40_i64, 1..6), choices in 0..200_usize) {
        for (ours, theirs) in shares(&weights, choices).into_iter().zip(heap(&weights, choices)) {
            prop_assert!(ours.abs_diff(theirs) <= 1);
        }
    }

    #[test]
    fn a_turn_holds_every_weight_exactly(weights in prop::collection::vec(-2..40_i64, 1..6)) {
        let sum: i64 = weights.iter().filter(|weight| **weight > 0).sum();
        prop_assume!(sum > 0);
        let wanted: Vec<_> = weights.iter().map(|weight| usize::try_from(*weight).unwrap_or(0)).collect();
        prop_assert_eq!(shares(&weights, usize::try_from(sum).unwrap()), wanted);
    }
}

proptest! {
    /// Whichever are left out, and wherever it begins: the others get exactly their weights.
    #[test]
    fn those_that_are_wanted_share_by_their_weights(
        entries in prop::collection::vec((1..30_i64, any::<bool>()), 1..6),
        start in 0..1_000_usize,
    ) {
        let (weights, wanted): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let round_robin = WeightedRoundRobin::new(&weights, start);
        let expected: Vec<_> =
            weights.iter().zip(&wanted).map(|(weight, is_wanted)| if *is_wanted { *weight } else { 0 }).collect();
        let mut shares = vec![0; weights.len()];
        for _ in 0..expected.iter().sum() {
            shares[round_robin.next_of(|index| wanted[index]).unwrap()] += 1;
        }
        prop_assert_eq!(shares, expected);
        if !wanted.contains(&true) {
            prop_assert_eq!(round_robin.next_of(|index| wanted[index]), None);
        }
    }
}
