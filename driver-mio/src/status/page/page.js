"use strict";
// Whatever the node says, addresses of peers and texts of the log, becomes text, never markup.

const PAUSE = 1000; // milliseconds between questions
const SPAN = 120; // seconds that a plot shows
const EVENTS_MAX = 100;
const LABELS_MAX = 12; // neighbours named in the picture

const PLOTS = [
  { at: "plot-messages", title: "Messages between peers, a second", show: count, curves: [
    { name: "received", value: rate(["peer_notifications"]) }, { name: "sent", value: rate(["spread"]) }] },
  { at: "plot-bytes", title: "Bytes between peers, a second", show: bytes, curves: [
    { name: "received", value: rate(["p2p_bytes_in"]) }, { name: "sent", value: rate(["p2p_bytes_out"]) }] },
  { at: "plot-modules", title: "Modules, messages a second", show: count, curves: [
    { name: "announced", value: rate(["announcements"]) }, { name: "notified", value: rate(["notifications"]) }] },
  { at: "plot-waiting", title: "Messages here", show: count, curves: [
    { name: "waiting", value: now => now.messages.waiting }, { name: "held", value: now => now.messages.knowledge }] },
];

const history = []; // of reports, oldest first
const events = []; // latest first
let next = 0; // the number of the event to ask for

const by = id => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function count(n) {
  const digits = n > 0 && n < 10 && !Number.isInteger(n) ? 1 : 0;
  return n >= 1e6
    ? n.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 })
    : n.toLocaleString("en", { maximumFractionDigits: digits });
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
  return `${n.toLocaleString("en", { maximumFractionDigits: unit > 0 && n < 100 ? 1 : 0 })} ${units[unit]}`;
}

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds % 86400 / 3600)} h`;
}

// How fast counters grow, by the node's own clock.
function rate(names) {
  const sum = report => names.reduce((all, name) => all + (report.counters[name] ?? 0), 0);
  return (now, before) => before
    ? (sum(now) - sum(before)) / Math.max(now.uptime_seconds - before.uptime_seconds, 0.001)
    : 0;
}

function shown(address) {
  return address.length > 22 ? `${address.slice(0, 10)}…${address.slice(-11)}` : address;
}

function drawHead(now) {
  const [address] = [...now.addresses.advertised, ...now.addresses.p2p];
  by("name").textContent = `Gossip node ${address}`;
  document.title = `${address}: gossip node`;
  by("about").textContent = `gossipd ${now.version}, up ${span(now.uptime_seconds)}, modules at ${now.addresses.api.join(", ")}`;
}

function drawFigures(now) {
  const dialed = now.neighbours.filter(neighbour => neighbour.direction === "dialed").length;
  const types = now.subscriptions.types.length + now.subscriptions.more_types;
  const figures = [
    ["Neighbours", `${count(now.neighbours.length)} (${count(dialed)} dialed)`],
    ["Candidates", count(now.candidates)],
    ["Modules", count(now.connections.modules)],
    ["Subscriptions", types ? `${count(now.subscriptions.total)} to ${count(types)} types` : "0"],
    ["Waiting", count(now.messages.waiting)],
    ["Seen lately", count(now.messages.seen)],
    ["Held for newcomers", count(now.messages.knowledge)],
    ["Announced here", count(now.counters.announcements)],
    ["Proofs of work", `${count(now.proofs_of_work.found)} found` + (now.proofs_of_work.waiting ? ", one at work" : "")],
    ["Found wrong", count(now.proofs_of_work.wrong)],
    ["Faults of peers", count(now.counters.faults)],
    ["Banned", count(now.counters.bans)],
  ];
  by("figures").replaceChildren(...figures.map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }))));
}

// A line with an arrowhead at its end, between the rims of two circles.
function arrow(from, to, width) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const head = 8 + width;
  const start = { x: from.x + ux * from.r, y: from.y + uy * from.r };
  const tip = { x: to.x - ux * (to.r + 1), y: to.y - uy * (to.r + 1) };
  const base = { x: tip.x - ux * head, y: tip.y - uy * head };
  const half = 3 + width;
  const points = [[tip.x, tip.y], [base.x - uy * half, base.y + ux * half], [base.x + uy * half, base.y - ux * half]];
  return [
    drawing("line", { class: "link", x1: start.x, y1: start.y, x2: base.x, y2: base.y, "stroke-width": width }),
    drawing("polygon", { class: "tip", points: points.map(point => point.map(n => n.toFixed(1)).join(",")).join(" ") }),
  ];
}

function drawPicture(now, before) {
  const centre = { x: 180, y: 140, r: 22 };
  const old = new Map((before?.neighbours ?? []).map(neighbour => [neighbour.address, neighbour]));
  const seconds = before ? Math.max(now.uptime_seconds - before.uptime_seconds, 0.001) : 1;
  const total = now.neighbours.length;
  const parts = now.neighbours.map((neighbour, index) => {
    const angle = 2 * Math.PI * index / total - Math.PI / 2;
    const ring = total > 20 && index % 2 ? 72 : 104;
    const r = total > 40 ? 4 : 8;
    const place = { x: centre.x + 1.15 * ring * Math.cos(angle), y: centre.y + ring * Math.sin(angle), r };
    const was = old.get(neighbour.address) ?? neighbour;
    const messages = Math.max(neighbour.received_messages + neighbour.sent_messages
      - was.received_messages - was.sent_messages, 0) / seconds;
    const width = 1 + Math.min(Math.log10(1 + messages), 4);
    const dialed = neighbour.direction === "dialed";
    const tip = `${neighbour.address}\n${dialed ? "dialed by this node" : "dialed this node"}, ${span(neighbour.age_seconds)} ago\n${count(messages)} messages a second`;
    const label = place.y < centre.y ? place.y - r - 7 : place.y + r + 16;
    return drawing("g", {},
      drawing("title", {}, tip),
      ...(dialed ? arrow(centre, place, width) : arrow(place, centre, width)),
      drawing("circle", { class: neighbour.capable ? "node" : "node second", cx: place.x, cy: place.y, r }),
      ...(total <= LABELS_MAX
        ? [drawing("text", { x: place.x, y: label, "text-anchor": "middle" }, shown(neighbour.address))]
        : []));
  });
  const self = [
    drawing("circle", { class: "node self", cx: centre.x, cy: centre.y, r: centre.r }),
    drawing("text", { class: "self-name", x: centre.x, y: centre.y + 4, "text-anchor": "middle" }, "here"),
  ];
  const name = `This node and its ${total} neighbours`;
  by("picture").replaceChildren(drawing("svg", { viewBox: "0 0 360 285", role: "img", "aria-label": name }, ...parts, ...self));
}

// The next of 1, 2, 5, 10, 20, ... that is not below.
function ceiling(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(n => n * power).find(n => n >= value);
}

function drawPlot(plot) {
  const [width, height, left, bottom] = [360, 170, 58, 22];
  const latest = history[history.length - 1].uptime_seconds;
  const curves = plot.curves.map(curve => history.map((report, index) =>
    ({ ago: latest - report.uptime_seconds, value: index > 0 || curve.value.length < 2 ? curve.value(report, history[index - 1]) : null }))
    .filter(point => point.value !== null));
  const most = ceiling(Math.max(0, ...curves.flat().map(point => point.value)));
  const x = ago => left + (width - left - 8) * (1 - ago / SPAN);
  const y = value => 8 + (height - bottom - 8) * (1 - value / most);
  const mesh = [0, most / 2, most].flatMap(value => [
    drawing("line", { class: "mesh", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
    drawing("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, plot.show(value)),
  ]);
  const times = [[SPAN, "2 min ago", "start"], [SPAN / 2, "1 min", "middle"], [0, "now", "end"]].map(([ago, name, anchor]) =>
    drawing("text", { x: x(ago), y: height - 5, "text-anchor": anchor }, name));
  const lines = curves.map((points, index) => drawing("polyline", {
    class: index ? "curve second" : "curve",
    points: points.map(point => `${x(point.ago).toFixed(1)},${y(point.value).toFixed(1)}`).join(" "),
  }));
  const legend = plot.curves.map((curve, index) => {
    const last = curves[index].at(-1)?.value ?? 0;
    return element("span", { className: index ? "key second" : "key" }, `${curve.name} `, element("b", { textContent: plot.show(last) }));
  });
  by(plot.at).replaceChildren(
    element("h2", { textContent: plot.title }),
    element("p", { className: "legend" }, ...legend),
    drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": plot.title }, ...mesh, ...times, ...lines));
}

function row(texts, numbersFrom) {
  return element("tr", {}, ...texts.map((text, index) =>
    element("td", { textContent: text, className: index >= numbersFrom ? "number" : "" })));
}

function drawTables(now) {
  by("limits").replaceChildren(...now.limits.map(limit => {
    const show = limit.of.endsWith("_bytes") ? bytes : count;
    const made = row([limit.of.replace("_bytes", "").replaceAll("_", " "), show(limit.used), show(limit.most), count(limit.met)], 1);
    made.title = limit.key;
    if (limit.met > 0) made.lastChild.classList.add("met");
    return made;
  }));
  by("nobody").hidden = now.neighbours.length > 0;
  by("peers").hidden = now.neighbours.length === 0;
  by("neighbours").replaceChildren(...now.neighbours.map(neighbour => row([
    neighbour.address,
    neighbour.direction === "dialed" ? "this node" : "it",
    span(neighbour.age_seconds),
    `${span(neighbour.silent_seconds)} ago`,
    count(neighbour.received_messages),
    count(neighbour.sent_messages),
    bytes(neighbour.received_bytes),
    bytes(neighbour.sent_bytes),
    bytes(neighbour.queued_bytes),
  ], 2)));
}

function drawEvents() {
  by("quiet").hidden = events.length > 0;
  by("events").replaceChildren(...events.map(event => element("li", {},
    element("time", { dateTime: event.time, textContent: new Date(event.time).toLocaleTimeString([], { hour12: false }), title: event.time }),
    element("span", { textContent: event.level, className: event.level === "warn" ? "warn" : "" }),
    element("span", { textContent: event.text }))));
}

async function ask(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function look() {
  const now = await ask("/status");
  if (history.length && history[0].started !== now.started) {
    // Another run: its counters and its events begin anew.
    history.length = events.length = next = 0;
  }
  history.push(now);
  while (now.uptime_seconds - history[0].uptime_seconds > SPAN) history.shift();
  const news = await ask(`/events?since=${next}`);
  if (news.started === now.started) {
    next = news.next;
    events.unshift(...news.events.reverse());
    events.length = Math.min(events.length, EVENTS_MAX);
  }
  return news.events.length > 0;
}

function draw(hasNews) {
  const [before, now] = [history[history.length - 2], history[history.length - 1]];
  drawHead(now);
  drawFigures(now);
  drawPicture(now, before);
  PLOTS.forEach(drawPlot);
  drawTables(now);
  if (hasNews || events.length === 0) drawEvents();
}

function tell(state, text) {
  by("state").className = `badge ${state}`;
  by("state").textContent = text;
}

async function run() {
  try {
    draw(await look());
    tell("good", "live");
  } catch {
    tell("bad", "no answer");
  }
  setTimeout(run, PAUSE);
}

run();
