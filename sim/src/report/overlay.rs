//! The overlay as a picture: peers that are neighbours pull at each other, all others push (Fruchterman and Reingold,
//! 1991). Only sums, products and square roots place the peers, so that every machine draws the same picture.

use super::Overlay;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// More peers than this are a ball of wool.
pub(super) const DRAWN_MAX: usize = 500;

const WIDTH: f64 = 1_120.0;
const HEIGHT: f64 = 600.0;
const MARGIN: f64 = 14.0;
const ROUNDS: u32 = 160;

/// Who is in it, by position: every peer with a view or an edge, by number.
pub(super) struct Graph {
    peers: Vec<u32>,
    edges: Vec<(usize, usize)>,
}

impl Graph {
    pub(super) fn new(overlay: &Overlay) -> Self {
        let ends = overlay.edges.iter().flat_map(|(one, other)| [*one, *other]);
        let numbers = overlay.views.iter().map(|view| view.0).chain(ends);
        let mut place: BTreeMap<u32, usize> = numbers.map(|peer| (peer, 0)).collect();
        place.values_mut().enumerate().for_each(|(at, place)| *place = at);
        let edges = overlay.edges.iter().map(|(one, other)| (place[one], place[other])).collect();
        Self { peers: place.into_keys().collect(), edges }
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    /// How many neighbours each has.
    pub(super) fn degrees(&self) -> Vec<u64> {
        let mut degrees = vec![0; self.peers.len()];
        for (one, other) in &self.edges {
            degrees[*one] += 1;
            degrees[*other] += 1;
        }
        degrees
    }

    /// Which piece each is in: 0 is the largest.
    pub(super) fn pieces(&self) -> Vec<usize> {
        let mut root: Vec<usize> = (0..self.peers.len()).collect();
        for (one, other) in &self.edges {
            let (one, other) = (find(&mut root, *one), find(&mut root, *other));
            root[one.max(other)] = one.min(other);
        }
        let roots: Vec<usize> = (0..root.len()).map(|peer| find(&mut root, peer)).collect();
        let mut sizes = BTreeMap::<usize, usize>::new();
        roots.iter().for_each(|root| *sizes.entry(*root).or_default() += 1);
        let mut by_size: Vec<(usize, usize)> = sizes.into_iter().collect();
        by_size.sort_by_key(|(root, size)| (usize::MAX - size, *root));
        let rank: BTreeMap<usize, usize> = by_size.iter().enumerate().map(|(rank, (root, _))| (*root, rank)).collect();
        roots.iter().map(|root| rank[root]).collect()
    }

    /// Where each is drawn, within the picture.
    fn layout(&self) -> Vec<(f64, f64)> {
        let count = self.peers.len() as f64;
        // A sequence that fills the plane evenly (Roberts' R2): no peer starts where another does.
        let start = |n: usize, ratio: f64| (0.5 + n as f64 * ratio).fract();
        let mut places: Vec<(f64, f64)> = (0..self.peers.len())
            .map(|n| (start(n, 0.754_877_666_246_693) * WIDTH, start(n, 0.569_840_290_998_053) * HEIGHT))
            .collect();
        let apart = (WIDTH * HEIGHT / count.max(1.0)).sqrt();
        for round in 0..ROUNDS {
            let moves = self.forces(&places, apart);
            // Far at first, then ever less.
            let step = WIDTH / 10.0 * f64::from(ROUNDS - round) / f64::from(ROUNDS);
            for (place, force) in places.iter_mut().zip(moves) {
                let length = (force.0 * force.0 + force.1 * force.1).sqrt().max(1e-9);
                place.0 += force.0 / length * length.min(step);
                place.1 += force.1 / length * length.min(step);
            }
        }
        fit(places)
    }

    fn forces(&self, places: &[(f64, f64)], apart: f64) -> Vec<(f64, f64)> {
        // Pieces that nothing ties would drift off for ever.
        let to_middle = |place: &(f64, f64)| ((WIDTH / 2.0 - place.0) * 0.06, (HEIGHT / 2.0 - place.1) * 0.11);
        let mut forces: Vec<(f64, f64)> = places.iter().map(to_middle).collect();
        for one in 0..places.len() {
            for other in 0..one {
                let (dx, dy) = (places[one].0 - places[other].0, places[one].1 - places[other].1);
                let push = apart * apart / (dx * dx + dy * dy).max(0.01);
                forces[one].0 += dx * push;
                forces[one].1 += dy * push;
                forces[other].0 -= dx * push;
                forces[other].1 -= dy * push;
            }
        }
        for &(one, other) in &self.edges {
            let (dx, dy) = (places[one].0 - places[other].0, places[one].1 - places[other].1);
            let pull = (dx * dx + dy * dy).sqrt() / apart;
            forces[one].0 -= dx * pull;
            forces[one].1 -= dy * pull;
            forces[other].0 += dx * pull;
            forces[other].1 += dy * pull;
        }
        forces
    }

    /// The picture. Peers outside the largest piece stand out.
    pub(super) fn draw(&self) -> Markup {
        let (places, pieces, degrees) = (self.layout(), self.pieces(), self.degrees());
        let mut lines = String::new();
        for (one, other) in &self.edges {
            let (from, to) = (places[*one], places[*other]);
            write!(lines, "M{:.0} {:.0}L{:.0} {:.0}", from.0, from.1, to.0, to.1).expect("text takes text");
        }
        let strays = pieces.iter().filter(|piece| **piece > 0).count();
        let alt = format!(
            "The overlay: {} peers and {} connections; {strays} peers are outside the largest piece.",
            self.peers.len(),
            self.edges.len()
        );
        let radius = if self.peers.len() > 150 { "4" } else { "6" };
        html! {
            svg.overlay role="img" aria-label=(alt) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
                path.edge class=[(self.edges.len() > 600).then_some("dense")] d=(lines) {}
                @for (at, place) in places.iter().enumerate() {
                    circle.stray[pieces[at] > 0] cx=(format!("{:.0}", place.0)) cy=(format!("{:.0}", place.1)) r=(radius) {
                        title { "peer " (self.peers[at]) ": " (degrees[at]) " neighbours" }
                    }
                }
            }
        }
    }
}

/// The root of a peer's tree; the way there is made shorter.
fn find(root: &mut [usize], mut peer: usize) -> usize {
    while root[peer] != peer {
        root[peer] = root[root[peer]];
        peer = root[peer];
    }
    peer
}

/// Stretches the layout to the picture's size.
fn fit(mut places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)))
    };
    let (left, right) = range(&mut places.iter().map(|place| place.0));
    let (top, bottom) = range(&mut places.iter().map(|place| place.1));
    let along = |value: f64, least: f64, most: f64, size: f64| match most - least > 1e-6 {
        true => MARGIN + (value - least) / (most - least) * (size - 2.0 * MARGIN),
        false => size / 2.0,
    };
    for place in &mut places {
        *place = (along(place.0, left, right, WIDTH), along(place.1, top, bottom, HEIGHT));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(views: &[u32], edges: &[(u32, u32)]) -> Graph {
        Graph::new(&Overlay { views: views.iter().map(|peer| (*peer, 0)).collect(), edges: edges.to_vec(), pieces: 0 })
    }

    #[test]
    fn degrees_and_pieces_are_those_counted_by_hand() {
        let graph = graph(&[9, 1, 2, 3, 7], &[(2, 3), (9, 7), (3, 7)]);
        assert_eq!(graph.peers, [1, 2, 3, 7, 9]);
        assert_eq!(graph.degrees(), [0, 1, 2, 2, 1]);
        assert_eq!(graph.pieces(), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn all_peers_are_drawn_apart_and_inside_the_picture() {
        let edges: Vec<(u32, u32)> = (0..40).map(|n| (n, (n * 7 + 1) % 40)).filter(|(a, b)| a != b).collect();
        let places = graph(&[99], &edges).layout();
        for (at, place) in places.iter().enumerate() {
            assert!((0.0..=WIDTH).contains(&place.0) && (0.0..=HEIGHT).contains(&place.1), "{place:?}");
            for other in &places[..at] {
                let (dx, dy) = (place.0 - other.0, place.1 - other.1);
                assert!((dx * dx + dy * dy).sqrt() > 8.0, "{place:?} {other:?}");
            }
        }
    }

    #[test]
    fn neighbours_are_drawn_nearer_than_strangers() {
        // Two cliques of six, joined by one edge.
        let clique = |from: u32| (from..from + 6).flat_map(move |a| (from..a).map(move |b| (a, b)));
        let edges: Vec<(u32, u32)> = clique(0).chain(clique(6)).chain([(0, 6)]).collect();
        let places = graph(&[], &edges).layout();
        let distance = |a: usize, b: usize| {
            let (dx, dy) = (places[a].0 - places[b].0, places[a].1 - places[b].1);
            (dx * dx + dy * dy).sqrt()
        };
        let inside = (1..6).map(|peer| distance(1, peer)).fold(0.0, f64::max);
        let across = (7..12).map(|peer| distance(1, peer)).fold(f64::MAX, f64::min);
        assert!(inside < across, "{inside} {across}");
    }

    #[test]
    fn nobody_and_one_peer_can_be_drawn() {
        assert!(graph(&[], &[]).draw().into_string().starts_with("<svg"));
        assert!(graph(&[4], &[]).draw().into_string().contains("peer 4: 0 neighbours"));
    }
}
