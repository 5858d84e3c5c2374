//! The overlay as a picture: peers that are neighbours pull at each other, all others push (Fruchterman and Reingold,
//! 1991). Only sums, products and square roots place the peers, so that every machine draws the same picture.

use super::Overlay;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// More peers than this are a ball of wool.
pub(super) const DRAWN_MAX: usize = 500;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 900.0;
const MARGIN: f64 = 14.0;
const ROUNDS: u32 = 160;
/// So many pieces get a part of the picture each; the rest, and peers all alone, share one.
const PARTS_MAX: usize = 6;

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

    /// Where each is drawn. Pieces lie side by side, the largest first.
    fn layout(&self) -> Vec<(f64, f64)> {
        let pieces = self.pieces();
        let mut sizes = vec![0; self.peers.len()];
        pieces.iter().for_each(|piece| sizes[*piece] += 1);
        let part = |piece: usize| if piece > 0 && sizes[piece] == 1 { PARTS_MAX } else { piece.min(PARTS_MAX) };
        let mut members = vec![Vec::new(); PARTS_MAX + 1];
        (0..self.peers.len()).for_each(|peer| members[part(pieces[peer])].push(peer));
        // Small pieces are not squeezed until nothing can be seen.
        let weight = |members: &Vec<usize>| match members.len() {
            0 => 0.0,
            count => (count as f64).max(self.peers.len() as f64 / 10.0),
        };
        let all: f64 = members.iter().map(weight).sum();
        let mut places = vec![(0.0, 0.0); self.peers.len()];
        let mut left = 0.0;
        for (part, members) in members.iter().enumerate() {
            let width = WIDTH * weight(members) / all.max(1.0);
            let inside = match part {
                PARTS_MAX => column(members.len()),
                _ => self.pull(members, width),
            };
            for (peer, (x, y)) in members.iter().zip(fit(inside, width)) {
                places[*peer] = (left + x, y);
            }
            left += width;
        }
        places
    }

    /// Lays a piece out in a part of the picture so wide.
    fn pull(&self, members: &[usize], width: f64) -> Vec<(f64, f64)> {
        let here: BTreeMap<usize, usize> = members.iter().enumerate().map(|(at, peer)| (*peer, at)).collect();
        let inside = |(one, other): &(usize, usize)| Some((*here.get(one)?, *here.get(other)?));
        let edges: Vec<(usize, usize)> = self.edges.iter().filter_map(inside).collect();
        // A sequence that fills the plane evenly (Roberts' R2): no peer starts where another does.
        let start = |n: usize, ratio: f64| (0.5 + n as f64 * ratio).fract();
        let mut places: Vec<(f64, f64)> = (0..members.len())
            .map(|n| (start(n, 0.754_877_666_246_693) * width, start(n, 0.569_840_290_998_053) * HEIGHT))
            .collect();
        let apart = (width * HEIGHT / (members.len() as f64).max(1.0)).sqrt();
        for round in 0..ROUNDS {
            let moves = forces(&places, &edges, apart);
            // Far at first, then ever less.
            let step = width / 10.0 * f64::from(ROUNDS - round) / f64::from(ROUNDS);
            for (place, force) in places.iter_mut().zip(moves) {
                let length = (force.0 * force.0 + force.1 * force.1).sqrt().max(1e-9);
                place.0 += force.0 / length * length.min(step);
                place.1 += force.1 / length * length.min(step);
            }
        }
        places
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
                path.edge.dense[self.edges.len() > 600] d=(lines) {}
                @for (at, place) in places.iter().enumerate() {
                    @let (x, y) = (format!("{:.0}", place.0), format!("{:.0}", place.1));
                    circle.stray[pieces[at] > 0] cx=(x) cy=(y) r=(radius) {
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

/// What pushes and pulls each peer, and how strongly.
fn forces(places: &[(f64, f64)], edges: &[(usize, usize)], apart: f64) -> Vec<(f64, f64)> {
    let mut forces = vec![(0.0, 0.0); places.len()];
    let mut both = |one: usize, other: usize, force: (f64, f64)| {
        forces[one] = (forces[one].0 + force.0, forces[one].1 + force.1);
        forces[other] = (forces[other].0 - force.0, forces[other].1 - force.1);
    };
    for one in 0..places.len() {
        for other in 0..one {
            let (dx, dy) = (places[one].0 - places[other].0, places[one].1 - places[other].1);
            let push = apart * apart / (dx * dx + dy * dy).max(0.01);
            both(one, other, (dx * push, dy * push));
        }
    }
    for &(one, other) in edges {
        let (dx, dy) = (places[one].0 - places[other].0, places[one].1 - places[other].1);
        let pull = (dx * dx + dy * dy).sqrt() / apart;
        both(one, other, (-dx * pull, -dy * pull));
    }
    forces
}

/// In rows of four.
fn column(count: usize) -> Vec<(f64, f64)> {
    (0..count).map(|n| ((n % 4) as f64, (n / 4) as f64)).collect()
}

/// Stretches places to a part of the picture so wide, and all of its height.
fn fit(mut places: Vec<(f64, f64)>, width: f64) -> Vec<(f64, f64)> {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)))
    };
    let (left, right) = range(&mut places.iter().map(|place| place.0));
    let (top, bottom) = range(&mut places.iter().map(|place| place.1));
    let along = |value: f64, least: f64, most: f64, size: f64| match most - least > 1e-6 {
        true => MARGIN + (value - least) / (most - least) * (size - 2.0 * MARGIN).max(0.0),
        false => size / 2.0,
    };
    for place in &mut places {
        *place = (along(place.0, left, right, width), along(place.1, top, bottom, HEIGHT));
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

    /// Floats place the peers: a machine whose floats differ would show here.
    #[test]
    fn every_machine_draws_the_same_picture() {
        let edges: Vec<(u32, u32)> = (0..60).map(|n| (n, (n * 7 + 1) % 60)).filter(|(a, b)| a != b).collect();
        let digest =
            graph(&[99], &edges).draw().into_string().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        assert_eq!(format!("{digest:016x}"), "b9f56a64ead51ab1");
    }

    #[test]
    fn nobody_and_one_peer_can_be_drawn() {
        assert!(graph(&[], &[]).draw().into_string().starts_with("<svg"));
        assert!(graph(&[4], &[]).draw().into_string().contains("peer 4: 0 neighbours"));
    }
}
