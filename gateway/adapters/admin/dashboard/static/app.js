// The page: keeps what the stream brings, and draws it anew with each frame.
import { askToken, buttons } from "./actions.js";
import { token } from "./access.js";
import { chart } from "./charts.js";
import { Flow } from "./flow.js";
import { changes, decisions, followed, ladder, overview, shares, tiles } from "./panels.js";
import { badge, button, failure, panel, shape } from "./parts.js";
import { h, render } from "./render.js";
import { Stream } from "./stream.js";
import { percent, seconds, sentence, state, unix } from "./words.js";

const RANGES = { "5 min": ["fine", 300, 5], "1 h": ["coarse", 3600, 60] };
const DECISIONS = 100;
const byId = (id) => document.getElementById(id);
const flow = new Flow();

let frame = null;
let range = "5 min";
let filter = "";
let held = null; // the decisions of a list that does not follow
let shut = ""; // why there is nothing to show
let past = {}; // by route: {versions: {name: {fine, coarse}}, decisions}
const said = {}; // by route: the word for its state
let number = 0;

const chosen = () => frame.routes.find((route) => route.name === decodeURIComponent(location.hash.slice(1))) || frame.routes[0];

function pastOf(route) {
	return (past[route] ??= { versions: {}, decisions: [] });
}

// A point takes the place of an earlier one of the same span, which went on then.
function join(points, more, length) {
	for (const point of more) {
		while (points.length && points.at(-1)[0] > point[0] - 0.5) points.pop();
		points.push(point);
	}
	const oldest = Date.now() / 1000 - length - 60;
	while (points.length && points[0][0] < oldest) points.shift();
}

function note(route, rows) {
	const kept = pastOf(route.name).decisions;
	const kind = (name) => Math.max(0, route.versions.findIndex((version) => version.name === name)) % 4;
	rows.forEach((row) => kept.push([...row, ++number, kind(row[2])]));
	kept.splice(0, kept.length - DECISIONS);
}

let before = null; // a history that no frame has come after yet

const stream = new Stream({
	history(content) {
		before = content;
	},
	frame(content) {
		shut = "";
		if (before) {
			past = {};
			for (const route of content.routes) {
				const old = before.routes[route.name];
				if (!old) continue;
				pastOf(route.name).versions = old.versions;
				const fresh = new Set(route.decisions.map((row) => row.join()));
				note(route, old.decisions.filter((row) => !fresh.has(row.join())));
			}
			before = null;
		}
		frame = content;
		for (const route of frame.routes) {
			note(route, route.decisions);
			for (const version of route.versions) {
				const kept = (pastOf(route.name).versions[version.name] ??= { fine: [], coarse: [] });
				join(kept.fine, version.fine, 300);
				join(kept.coarse, version.coarse, 3600);
			}
		}
		say();
		draw(true);
	},
	link(word, text) {
		render(byId("link"), [shape({ live: "play", lost: "cross", wait: "ring" }[word]), text]);
		byId("link").className = word;
		document.body.classList.toggle("stale", word === "lost" && Boolean(frame));
	},
	refused(status, why) {
		frame = null;
		shut = why;
		draw(false);
	},
});

// Only changes of phase are said aloud; the first frame changes nothing.
function say() {
	const news = [];
	for (const route of frame.routes) {
		const word = state(route)[1];
		const old = said[route.name] || word;
		if (old !== word) news.push(`${route.name} is ${word}: ${sentence(route)}`);
		said[route.name] = word;
	}
	if (news.length) byId("said").textContent = news.join(". ");
}

function problems(all) {
	if (!all.length) return [];
	const head = h("h2", shape("diamond"), `${all.length} ${all.length === 1 ? "problem" : "problems"}`);
	return [h("section.notice", { "aria-label": "Problems" }, head, h("ul", all.map((problem) => h("li", problem))))];
}

// What stands in the place of a route.
function blank(title, ...content) {
	render(byId("routes"), []);
	render(byId("main"), title ? [h("section.panel.empty", { key: title }, h("h2", title), content)] : []);
}

function draw(fresh) {
	render(byId("problems"), problems(frame?.problems || []));
	if (!frame) return blank(shut && "Nothing to show without the token", h("p", shut), button("Enter the token", enter, { class: "solid" }));
	const route = chosen();
	if (!route) return blank("No routes", h("p", "The routing file has none that is in force. Once it has, they are shown here."));
	byId("generation").textContent = `generation ${frame.generation}`;
	document.title = `${route.name} · sqs-version-gateway`;
	render(byId("routes"), frame.routes.length < 2 ? [] : overview(frame.routes, route.name, filter, (text) => {
		filter = text;
		draw(false);
	}));
	const width = Math.max(240, byId("main").clientWidth - (innerWidth < 700 ? 26 : 42));
	render(byId("main"), details(route, width));
	const group = byId("main").querySelector(".dots");
	if (flow.of !== route.name) flow.clear();
	flow.of = route.name;
	if (fresh) flow.begin(route, group);
}

function details(route, width) {
	const now = unix(frame.at);
	const still = held?.route === route.name;
	const rows = still ? held.rows : pastOf(route.name).decisions;
	const steps = ladder(route, now);
	const history = changes(route);
	return [
		h(
			"section.head",
			{ key: `head-${route.name}` },
			h("div", h("h2", route.name, badge(state(route))), h("p", { id: "sentence" }, sentence(route))),
			h("div.buttons", { role: "group", "aria-label": `Change ${route.name}` }, buttons(route, (rollout) => {
				const present = frame.routes.find((each) => each.name === route.name);
				if (present) present.rollout = rollout;
				say();
				draw(false);
			})),
		),
		failure("notice", route.last_error),
		panel("flow", "Flow", flow.draw(route, width), h("p.small", `● one ${flow.perDot > 1 ? `dot is ${flow.perDot} messages` : "dot is a message"} · ◆ failed, goes back`)),
		tiles(route),
		h(
			"div.two",
			h(
				"div",
				panel("shares", "Shares", shares(route)),
				route.follow && panel("follow", "Follows", followed(route, now)),
				history && panel("changes", "Changes", history),
			),
			steps && panel("steps", route.rollout.steps.length ? "Steps" : "Evidence", steps),
		),
		charts(route, now, width),
		panel("decisions", "Decisions", decisions(rows, still, () => {
			held = still ? null : { route: route.name, rows: [...rows] };
			draw(false);
		})),
	];
}

function charts(route, now, width) {
	const [kind, length, step] = RANGES[range];
	const from = now - length;
	const wide = width > 760;
	const each = wide ? Math.floor((width - 58) / 2) : width;
	const points = (version) => (pastOf(route.name).versions[version.name]?.[kind] || []).filter((point) => point[0] >= from - step).map((point) => [Math.min(now, Math.max(from, point[0] + step / 2)), ...point.slice(1)]);
	const marks = (route.rollout?.history || []).filter((entry) => entry.to !== null).map((entry) => ({ at: unix(entry.at), text: `${entry.to} %` }));
	const limits = route.rollout?.limits;
	const choices = Object.keys(RANGES).map((name) => button(name, () => { range = name; draw(false); }, { "aria-pressed": String(name === range) }));
	const choose = h("div.ranges", { role: "group", "aria-label": "Time shown" }, choices);
	const drawn = (id, what, series, words, limit) =>
		chart({ id, title: `${what} of ${route.name}, ${range}`, series, words, limit, marks, from, to: now, gap: step * 2.5, least: 0.01 }, each);
	const lines = (name, style, pick) => route.versions.map((version, place) => ({ name: version.name + name, kind: `c${place % 4} ${style}`, points: points(version).map((point) => [point[0], pick(point)]) }));
	const failed = lines("", "", ([, acked, failing]) => failing / (acked + failing || 1));
	const slow = [...lines(" p50", "thin", (point) => point[3]), ...lines(" p99", "", (point) => point[4])];
	return h(
		wide ? "div.two" : "div",
		panel("failures", "Failure ratio", choose, drawn("failure", "Failure ratio", failed, percent, limits?.max_failure_ratio)),
		panel("latency", "Delivery time, p50 and p99", drawn("delivery", "Delivery time", slow, seconds, limits?.max_p99_seconds)),
	);
}

async function enter() {
	const old = token();
	if ((await askToken()) || token() !== old) stream.restart();
}

byId("token").onclick = enter;
addEventListener("hashchange", () => {
	held = null;
	if (frame) draw(true);
});
let resized;
addEventListener("resize", () => {
	cancelAnimationFrame(resized);
	resized = requestAnimationFrame(() => frame && draw(false));
});
stream.follow();
