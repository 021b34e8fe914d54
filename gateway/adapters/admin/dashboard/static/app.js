// The page: keeps what the stream brings, and draws it anew with each frame.
import { askToken, buttons } from "./actions.js";
import { token } from "./access.js";
import { chart } from "./charts.js";
import { Flow } from "./flow.js";
import { changes, decisions, ladder, overview, panel, shares, tiles } from "./panels.js";
import { h, render } from "./render.js";
import { shape } from "./shapes.js";
import { Stream } from "./stream.js";
import { percent, seconds, sentence, state } from "./words.js";

const RANGES = { "5 min": ["fine", 300, 5], "1 h": ["coarse", 3600, 60] };
const DECISIONS = 100;
const byId = (id) => document.getElementById(id);
const flow = new Flow();

let frame = null;
let range = "5 min";
let filter = "";
let held = null; // the decisions of a list that does not follow
let shut = ""; // why there is nothing to show
let past = {}; // by route: {versions: {name: {fine, coarse}}, decisions, phase}
let number = 0;

const chosen = () => frame.routes.find((route) => route.name === decodeURIComponent(location.hash.slice(1))) || frame.routes[0];

function pastOf(route) {
	return (past[route] ??= { versions: {}, decisions: [], said: "" });
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
			const said = Object.fromEntries(Object.entries(past).map(([name, kept]) => [name, kept.said]));
			past = {};
			for (const route of content.routes) {
				const old = before.routes[route.name];
				pastOf(route.name).said = said[route.name] || "";
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
		render(byId("link"), [shape({ live: "play", lost: "cross", wait: "ring" }[word]), h("span", {}, text)]);
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
		const kept = pastOf(route.name);
		const word = state(route)[1];
		if (kept.said && kept.said !== word) news.push(`${route.name} is ${word}: ${sentence(route)}`);
		kept.said = word;
	}
	if (news.length) byId("said").textContent = news.join(". ");
}

function draw(fresh) {
	if (!frame) {
		render(byId("problems"), []);
		render(byId("routes"), []);
		render(byId("main"), shut ? [h("section", { key: "shut", class: "panel empty" }, h("h2", {}, "Nothing to show without the token"), h("p", {}, shut), h("button", { type: "button", class: "solid", onclick: enter }, "Enter the token"))] : []);
		return;
	}
	render(byId("problems"), frame.problems.length ? [h("section", { class: "notice", "aria-label": "Problems" }, h("h2", {}, shape("diamond"), `${frame.problems.length} ${frame.problems.length === 1 ? "problem" : "problems"}`), h("ul", {}, frame.problems.map((problem) => h("li", {}, problem))))] : []);
	const route = chosen();
	if (!route) {
		render(byId("routes"), []);
		render(byId("main"), [h("section", { key: "empty", class: "panel empty" }, h("h2", {}, "No routes"), h("p", {}, "The routing file has none that is in force. Once it has, they are shown here."))]);
		return;
	}
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
	const [picture, word] = state(route);
	const now = Date.parse(frame.at) / 1000;
	const rows = held?.route === route.name ? held.rows : pastOf(route.name).decisions;
	const steps = ladder(route, now);
	const history = changes(route);
	return [
		h(
			"section",
			{ key: `head-${route.name}`, class: "head" },
			h("div", {}, h("h2", {}, route.name, h("span", { class: `badge ${picture}` }, shape(picture), word)), h("p", { id: "sentence" }, sentence(route))),
			h("div", { class: "buttons", role: "group", "aria-label": `Change ${route.name}` }, buttons(route, (rollout) => {
				const present = frame.routes.find((each) => each.name === route.name);
				if (present) present.rollout = rollout;
				say();
				draw(false);
			})),
		),
		route.last_error && h("p", { key: "error", class: "notice small" }, `◆ ${new Date(route.last_error.time).toLocaleTimeString("en-GB")} ${route.last_error.text}`),
		panel("flow", "Flow", [flow.draw(route, width), h("p", { key: "key", class: "small" }, key())]),
		tiles(route),
		h("div", { key: "two", class: "two" }, h("div", {}, panel("shares", "Shares", shares(route)), history && panel("changes", "Changes", history)), steps && panel("steps", route.rollout.steps.length ? "Steps" : "Evidence", steps)),
		charts(route, now, width),
		panel("decisions", "Decisions", decisions(rows, held?.route === route.name, () => {
			held = held?.route === route.name ? null : { route: route.name, rows: [...rows] };
			draw(false);
		})),
	];
}

const key = () => `● one ${flow.perDot > 1 ? `dot is ${flow.perDot} messages` : "dot is a message"} · ◆ failed, goes back`;

function charts(route, now, width) {
	const [kind, length, step] = RANGES[range];
	const from = now - length;
	const wide = width > 760;
	const each = wide ? Math.floor((width - 58) / 2) : width;
	const points = (version) => (pastOf(route.name).versions[version.name]?.[kind] || []).filter((point) => point[0] >= from - step).map((point) => [Math.min(now, Math.max(from, point[0] + step / 2)), ...point.slice(1)]);
	const marks = (route.rollout?.history || []).filter((entry) => entry.to !== null).map((entry) => ({ at: Date.parse(entry.at) / 1000, text: `${entry.to} %` }));
	const limits = route.rollout?.limits;
	const shared = { marks, from, to: now, gap: step * 2.5 };
	const choose = h(
		"div",
		{ key: "range", class: "ranges", role: "group", "aria-label": "Time shown" },
		Object.keys(RANGES).map((name) => h("button", { type: "button", "aria-pressed": String(name === range), onclick: () => { range = name; draw(false); } }, name)),
	);
	const lines = (pick, kinds) => route.versions.flatMap((version, place) => kinds.map(([name, style]) => ({ name: `${version.name}${name}`, kind: `c${place % 4} ${style}`, points: points(version).map(pick(name)) })));
	const failed = lines(() => ([at, acked, failing]) => [at, failing / (acked + failing || 1)], [["", ""]]);
	const slow = lines((name) => (point) => [point[0], name === " p50" ? point[3] : point[4]], [[" p50", "thin"], [" p99", ""]]);
	return h(
		"div",
		{ key: "charts", class: wide ? "two" : "" },
		panel("failures", "Failure ratio", [choose, chart({ ...shared, id: "failure", title: `Failure ratio of ${route.name}, ${range}`, series: failed, least: 0.01, words: percent, limit: limits?.max_failure_ratio }, each)]),
		panel("latency", "Delivery time, p50 and p99", [chart({ ...shared, id: "delivery", title: `Delivery time of ${route.name}, ${range}`, series: slow, least: 0.01, words: seconds, limit: limits?.max_p99_seconds }, each)]),
	);
}

async function enter() {
	if (await askToken()) stream.restart();
}

byId("token").onclick = async () => {
	const old = token();
	await askToken();
	if (token() !== old) stream.restart();
};
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
