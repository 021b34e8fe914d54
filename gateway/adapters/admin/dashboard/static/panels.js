// The parts of the page.
import { badge, bar, button, failure, figures, heads, shape, time } from "./parts.js";
import { h } from "./render.js";
import { byHand, canaryOf, clock, count, following, moment, percent, rate, seconds, sentence, setAndSeen, shareSet, span, state, unix } from "./words.js";

const ratio = (part, whole) => (whole ? part / whole : 0);

function failing({ rates }) {
	const failed = rates.retry_per_second + rates.reject_per_second + rates.fallback_per_second;
	return ratio(failed, failed + rates.ack_per_second);
}

export function overview(routes, chosen, filter, onfilter) {
	const shown = routes.filter((route) => route.name.toLowerCase().includes(filter.toLowerCase()));
	return [
		h("h2", `${count(routes.length)} routes`),
		routes.length > 8 &&
			h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter routes", oninput: (event) => onfilter(event.target.value) }),
		h("ul", shown.map((route) => listed(route, route.name === chosen))),
	];
}

function listed(route, chosen) {
	const [picture, word] = state(route);
	const link = { href: `#${encodeURIComponent(route.name)}`, "aria-current": chosen && "true" };
	const content = [
		h("span.name", shape(picture), h("b", route.name), h("span.word", word)),
		h("span.sentence", sentence(route)),
		h("span.figures", `${rate(route.rates.received_per_second)}/s in`, failing(route) > 0 && ` · ${percent(failing(route))} failing`),
	];
	return h("li", { key: `route-${route.name}` }, h("a", link, content));
}

export function tiles(route) {
	const depths = route.versions.filter((version) => version.depth !== null);
	const tile = (name, value, more) => h("div.tile", h("dt", name), h("dd", value, h("small", ` ${more}`)));
	return h(
		"dl.tiles",
		tile("Received", `${rate(route.rates.received_per_second)}/s`, `${count(route.messages_received)} so far`),
		tile("Failing", percent(failing(route)), "of the last minute"),
		tile("In flight", count(route.in_flight), `of ${count(route.max_in_flight)}`),
		tile("Waiting", count(route.waiting), "for a version"),
		depths.length > 0 && tile("Depth", count(depths.reduce((all, { depth }) => all + depth, 0)), `in ${depths.map((version) => version.queue).join(", ")}`),
	);
}

export const shares = (route) =>
	h("div.shares", route.versions.map((version, place) => h(
		`div.share.c${place % 4}`,
		figures(h("b", version.name), setAndSeen(route, version)),
		bar(version.share_observed || 0, shareSet(route, version)),
		h("p.small", `${count(version.decisions)} decisions · ${outcomes(version)}`),
		failure("failure", version.last_error),
	)));

function outcomes({ deliveries: { ack, retry, reject, fallback } }) {
	const failed = [[retry, "to retry"], [reject, "rejected"], [fallback, "fallen back"]].filter(([number]) => number);
	return [[ack, "acked"], ...failed].map(([number, what]) => `${count(number)} ${what}`).join(", ");
}

// What the route follows, and whether it is in force.
export function followed(route, now) {
	const { follow, versions } = route;
	const [said, sentence] = standing(route);
	const ago = (iso) => (iso ? [time(iso), `, ${span(now - unix(iso))} ago`] : "not yet");
	const share = (version) => (version ? `${version.name}: ${setAndSeen(route, version)}` : "no version: its share goes to stable");
	const hosts = Object.entries(follow.destinations).map(([host, name]) => figures(h("code", host), share(versions.find((each) => each.name === name))));
	const { unmapped, unmapped_share: part, unroutable } = follow;
	const toStable = (number) => `${count(number)} messages so far, to stable`;
	const lost = [
		(part || unmapped) && `destinations that are no version: ${percent(part)} of the weights, ${toStable(unmapped)}`,
		unroutable && `redirects and the like: ${toStable(unroutable)}`,
		...follow.not_obeyed,
	].filter(Boolean);
	return h(
		"div.shares",
		h("p.said", badge(said), h("span", sentence)),
		follow.problem && !sentence.includes(follow.problem) && h("p.failure", `◆ ${follow.problem}`),
		h(
			"div.facts",
			figures("Object", follow.object),
			figures("Host", follow.host ?? "the object's first one"),
			figures("Last change taken", ago(follow.since)),
			figures("Last heard of", ago(follow.synced)),
		),
		hosts.length > 0 && h("div.facts", hosts),
		lost.length > 0 && h("div", h("b", "Not taken"), h("ul.small", lost.map((text) => h("li", text)))),
	);
}

// What decides now: the object, or what stands over it.
function standing(route) {
	const { name, follow, rollout } = route;
	const said = following(route);
	const over = follow.valid ? ["hand", "set aside"] : said;
	if (rollout?.override) return [over, `${byHand(route)}. "Clear weights", or "gateway weight ${name} --clear", takes them back.`];
	if (rollout?.phase === "aborted") return [over, "a rollback of this gateway stands over it; the canary gets nothing"];
	return [said, said[2]];
}

const PLACES = { past: ["done", "check"], present: ["now", "play"], ahead: ["ahead", "ring"] };

export function ladder(route, now) {
	const rollout = route.rollout;
	if (!rollout?.limits) return null;
	const steps = rollout.steps.map((step, place) => {
		const where = rollout.phase === "promoted" || place < rollout.step ? "past" : place > rollout.step || rollout.phase === "aborted" ? "ahead" : "present";
		const [word, picture] = PLACES[where];
		return h(
			`li.${where}`,
			{ "aria-current": where === "present" && "step" },
			h("span.hidden", `Step ${place + 1}, ${word}: `),
			shape(picture),
			h("b", `${step.weight} %`),
			h("small", step.pause ? "by hand" : span(step.every_seconds)),
		);
	});
	return [steps.length > 0 && h("ol.ladder", steps), evidence(route, now)];
}

function evidence(route, now) {
	const { evidence: seen, limits, phase, steps, step: at, since, deadline } = route.rollout;
	const step = steps[at];
	const past = now - unix(since);
	const { messages, failed, slow } = seen;
	const of = (part, role) => `${count(part[role])} of ${count(messages[role])} (${percent(ratio(part[role], messages[role]))})`;
	const both = (part) => `${canaryOf(route) || "canary"} ${of(part, "canary")}, stable ${of(part, "stable")}`;
	const meter = (name, words, part, bad) => h(`div.meter${bad ? ".bad" : ""}`, figures(name, words), part !== null && bar(Math.min(1, part)));
	const going = phase === "waiting" || phase === "progressing";
	const limit = limits.max_failure_ratio;
	const rules = [
		limit && `at most ${percent(limit)} may fail`,
		`not worse than stable by ${percent(limits.margin)}`,
		`p-value ${Number(seen.chance.toPrecision(2))}`,
		going && deadline && `deadline ${moment(deadline)}`,
	];
	return h(
		"div.evidence",
		meter("Messages", `${count(messages.canary)} of ${count(seen.min_messages)}`, seen.min_messages ? messages.canary / seen.min_messages : 1),
		going && step && meter("Time", `${span(past)} of ${span(step.every_seconds)}`, step.every_seconds ? past / step.every_seconds : 1),
		meter("Failed", both(failed), limit ? seen.failure_ratio.canary / limit : null, limit && seen.failure_ratio.canary > limit),
		limits.max_p99_seconds && meter(`Over ${seconds(limits.max_p99_seconds)}`, both(slow), null),
		h("p.small", rules.filter(Boolean).join(" · ")),
	);
}

export function changes(route) {
	const entries = (route.rollout?.history || []).slice(-12).reverse();
	const weight = (value) => (value === null ? "–" : `${value} %`);
	const line = (entry) => [
		time(entry.at),
		h("b", entry.action),
		` ${weight(entry.from)} → ${weight(entry.to)} ${entry.reason}`,
		h("small", ` by ${entry.by}`),
	];
	return entries.length > 0 && h("ol.changes", entries.map((entry) => h("li", { key: `${entry.at} ${entry.action}` }, line(entry))));
}

export function decisions(rows, held, onhold) {
	const row = ([at, id, version, reason, rule, bucket, number, kind]) =>
		h(
			`tr.c${kind}`,
			{ key: `row-${number}` },
			h("td.figures", clock(at)),
			h("td", { title: id }, h("code", id)),
			h("td.version", version ?? "none yet"),
			h("td", reason.replace("_", " ")),
			h("td", rule ?? "–"),
			h("td.figures", bucket ?? "–"),
		);
	const head = heads(["Time", "Message", "Version", "Reason", "Rule", "Bucket"]);
	return [
		h(
			"p.about",
			h("span", rows.length ? `The last ${rows.length}, the newest first.` : "None while this page has been open."),
			button(held ? "Follow" : "Hold", onhold, { key: "hold", "aria-pressed": String(held) }),
		),
		rows.length > 0 &&
			h(
				"div.rows",
				{ tabindex: 0, role: "region", "aria-label": "Decisions" },
				h("table", head, h("tbody", [...rows].reverse().map(row))),
			),
	];
}
