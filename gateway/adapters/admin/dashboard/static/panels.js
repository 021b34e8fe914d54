// The parts of the page: the list of routes, and of the chosen one shares, steps, tiles, decisions.
import { h } from "./render.js";
import { shape } from "./shapes.js";
import { canaryOf, clock, count, percent, rate, seconds, sentence, shareSet, span, state } from "./words.js";

const unix = (iso) => Date.parse(iso) / 1000;
const sum = (numbers) => numbers.reduce((all, each) => all + each, 0);

export function failing(route) {
	const rates = route.rates;
	const failed = rates.retry_per_second + rates.reject_per_second + rates.fallback_per_second;
	const all = failed + rates.ack_per_second;
	return all ? failed / all : 0;
}

export function overview(routes, chosen, filter, onfilter) {
	const shown = routes.filter((route) => route.name.toLowerCase().includes(filter.toLowerCase()));
	return [
		h("h2", { key: "head" }, `${count(routes.length)} routes`),
		routes.length > 8 &&
			h("input", { key: "filter", type: "search", placeholder: "Filter", "aria-label": "Filter routes", oninput: (event) => onfilter(event.target.value) }),
		h(
			"ul",
			{ key: "list" },
			shown.map((route) => {
				const [picture, word] = state(route);
				return h(
					"li",
					{ key: `route-${route.name}` },
					h(
						"a",
						{ href: `#${encodeURIComponent(route.name)}`, "aria-current": route.name === chosen ? "true" : null },
						h("span", { class: "name" }, shape(picture), h("b", {}, route.name), h("span", { class: "word" }, word)),
						h("span", { class: "sentence" }, sentence(route)),
						h("span", { class: "figures" }, `${rate(route.rates.received_per_second)}/s in`, failing(route) > 0 && ` · ${percent(failing(route))} failing`),
					),
				);
			}),
		),
	];
}

export const panel = (id, title, content, extra) =>
	h("section", { key: id, id, class: `panel ${extra || ""}`, "aria-labelledby": `${id}-head` }, h("h3", { id: `${id}-head` }, title), content);

export function tiles(route) {
	const depths = route.versions.filter((version) => version.depth !== null);
	const tile = (name, value, more) => h("div", { key: name, class: "tile" }, h("dt", {}, name), h("dd", {}, value, more && h("small", {}, ` ${more}`)));
	return h(
		"dl",
		{ key: "tiles", class: "tiles" },
		tile("Received", `${rate(route.rates.received_per_second)}/s`, `${count(route.messages_received)} so far`),
		tile("Failing", percent(failing(route)), "of the last minute"),
		tile("In flight", count(route.in_flight), `of ${count(route.max_in_flight)}`),
		tile("Waiting", count(route.waiting), "for a version"),
		depths.length > 0 && tile("Depth", count(sum(depths.map((version) => version.depth))), `in ${depths.map((version) => version.queue).join(", ")}`),
	);
}

export function shares(route) {
	return h(
		"div",
		{ class: "shares" },
		route.versions.map((version, place) => {
			const set = shareSet(route, version);
			const seen = version.share_observed;
			return h(
				"div",
				{ key: version.name, class: `share c${place % 4}` },
				h("p", {}, h("b", {}, version.name), h("span", { class: "figures" }, `${percent(set)} set, ${seen === null ? "none" : percent(seen)} seen`)),
				h("div", { class: "bar", "aria-hidden": "true" }, h("i", { wide: `${(seen || 0) * 100}%` }), h("u", { wide: `${set * 100}%` })),
				h("p", { class: "small" }, `${count(version.decisions)} decisions · ${outcomes(version)}`),
				version.last_error && h("p", { class: "small failure" }, `◆ ${clock(unix(version.last_error.time))} ${version.last_error.text}`),
			);
		}),
	);
}

function outcomes(version) {
	const { ack, retry, reject, fallback } = version.deliveries;
	const failed = [[retry, "to retry"], [reject, "rejected"], [fallback, "fallen back"]].filter(([number]) => number);
	return [`${count(ack)} acked`, ...failed.map(([number, what]) => `${count(number)} ${what}`)].join(", ");
}

export function ladder(route, now) {
	const rollout = route.rollout;
	if (!rollout || !rollout.limits) return null;
	const done = rollout.phase === "promoted";
	return [
		rollout.steps.length > 0 &&
			h(
				"ol",
				{ key: "steps", class: "ladder" },
				rollout.steps.map((step, place) => {
					const where = done || place < rollout.step ? "past" : place > rollout.step || rollout.phase === "aborted" ? "ahead" : "present";
					const words = { past: "done", present: "now", ahead: "ahead" };
					return h(
						"li",
						{ key: `step-${place}`, class: where, "aria-current": where === "present" ? "step" : null },
						h("span", { class: "hidden" }, `Step ${place + 1}, ${words[where]}: `),
						where === "past" ? shape("check") : where === "present" ? shape("play") : shape("ring"),
						h("b", {}, `${step.weight} %`),
						h("small", {}, step.pause ? "by hand" : span(step.every_seconds)),
					);
				}),
			),
		evidence(route, now),
	];
}

function evidence(route, now) {
	const { evidence: seen, limits, phase } = route.rollout;
	const step = route.rollout.steps[route.rollout.step];
	const since = unix(route.rollout.since);
	const canary = canaryOf(route) || "canary";
	const { messages, failed, slow } = seen;
	const of = (part, role) => `${count(part[role])} of ${count(messages[role])}`;
	const both = (part) => `${canary} ${of(part, "canary")} (${percent(ratio(part.canary, messages.canary))}), stable ${of(part, "stable")} (${percent(ratio(part.stable, messages.stable))})`;
	const meter = (name, words, part, bad) =>
		h(
			"div",
			{ key: name, class: `meter${bad ? " bad" : ""}` },
			h("p", {}, h("span", {}, name), h("span", { class: "figures" }, words)),
			part !== null && h("div", { class: "bar", "aria-hidden": "true" }, h("i", { wide: `${Math.min(1, part) * 100}%` })),
		);
	const going = phase === "waiting" || phase === "progressing";
	const limit = limits.max_failure_ratio;
	return h(
		"div",
		{ key: "evidence", class: "evidence" },
		meter("Messages", `${count(messages.canary)} of ${count(seen.min_messages)}`, seen.min_messages ? messages.canary / seen.min_messages : 1),
		going && step && meter("Time", `${span(now - since)} of ${span(step.every_seconds)}`, step.every_seconds ? (now - since) / step.every_seconds : 1),
		meter("Failed", both(failed), limit ? seen.failure_ratio.canary / limit : null, limit && seen.failure_ratio.canary > limit),
		limits.max_p99_seconds && meter(`Over ${seconds(limits.max_p99_seconds)}`, both(slow), null),
		h(
			"p",
			{ key: "limits", class: "small" },
			[
				limit ? `at most ${percent(limit)} may fail` : "",
				`not worse than stable by ${percent(limits.margin)}`,
				`p-value ${Number(seen.chance.toPrecision(2))}`,
				going && route.rollout.deadline ? `deadline ${new Date(route.rollout.deadline).toLocaleString("en-GB")}` : "",
			]
				.filter(Boolean)
				.join(" · "),
		),
	);
}

const ratio = (part, whole) => (whole ? part / whole : 0);

export function changes(route) {
	const entries = [...(route.rollout?.history || [])].reverse().slice(0, 12);
	if (!entries.length) return null;
	const weight = (value) => (value === null ? "–" : `${value} %`);
	return h(
		"ol",
		{ class: "changes" },
		entries.map((entry) =>
			h(
				"li",
				{ key: `${entry.at} ${entry.action}` },
				h("time", { datetime: entry.at }, new Date(entry.at).toLocaleString("en-GB")),
				h("b", {}, `${entry.action} `),
				h("span", { class: "figures" }, `${weight(entry.from)} → ${weight(entry.to)}`),
				h("span", {}, ` ${entry.reason}`),
				h("small", {}, ` by ${entry.by}`),
			),
		),
	);
}

export function decisions(rows, held, onhold) {
	const head = ["Time", "Message", "Version", "Reason", "Rule", "Bucket"];
	return [
		h(
			"p",
			{ key: "about", class: "about" },
			h("span", {}, rows.length ? `The last ${rows.length}, the newest first.` : "None while this page has been open."),
			h("button", { type: "button", "aria-pressed": String(held), onclick: onhold }, held ? "Follow" : "Hold"),
		),
		rows.length > 0 &&
			h(
				"div",
				{ key: "rows", class: "rows", tabindex: 0, role: "region", "aria-label": "Decisions" },
				h(
					"table",
					{},
					h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
					h(
						"tbody",
						{},
						[...rows].reverse().map(([at, id, version, reason, rule, bucket, number, kind]) =>
							h(
								"tr",
								{ key: `row-${number}`, class: `c${kind}` },
								h("td", { class: "figures" }, clock(at)),
								h("td", { title: id }, h("code", {}, id)),
								h("td", { class: "version" }, version ?? "none yet"),
								h("td", {}, reason.replace("_", " ")),
								h("td", {}, rule ?? "–"),
								h("td", { class: "figures" }, bucket ?? "–"),
							),
						),
					),
				),
			),
	];
}
