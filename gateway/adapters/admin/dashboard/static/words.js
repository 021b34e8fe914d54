// Figures and sentences for people. Steps count from 1 here, and from 0 in the API.
const COUNT = new Intl.NumberFormat("en");
const VERDICTS = { pass: "passes", wait: "waits", abort: "aborts" };

export const count = (number) => COUNT.format(number);

export function percent(ratio) {
	const value = ratio * 100;
	const digits = value === 0 || value >= 10 ? 0 : value >= 1 ? 1 : 2;
	return `${Number(value.toFixed(value > 99 && value < 100 ? 1 : digits))} %`;
}

export function seconds(value) {
	if (!value) return "0 s";
	if (value < 0.001) return `${Number((value * 1e6).toFixed(0))} µs`;
	if (value < 1) return `${Number((value * 1000).toPrecision(3))} ms`;
	return `${Number(value.toPrecision(3))} s`;
}

export function span(value) {
	const all = Math.max(0, Math.round(value));
	if (all < 60) return `${all} s`;
	if (all < 3600) return `${Math.floor(all / 60)} min${all % 60 ? ` ${all % 60} s` : ""}`;
	if (all < 172800) return `${Math.floor(all / 3600)} h${all % 3600 >= 60 ? ` ${Math.floor((all % 3600) / 60)} min` : ""}`;
	return `${Math.floor(all / 86400)} days`;
}

export const rate = (value) => (value >= 100 ? count(Math.round(value)) : String(Number(value.toFixed(1))));

export const clock = (unix) => new Date(unix * 1000).toLocaleTimeString("en-GB");

export function canaryOf(route) {
	const named = route.rollout?.canary;
	return named || route.versions.find((version) => !version.stable)?.name || null;
}

export function shareSet(route, version) {
	const weights = route.rollout?.weights || {};
	return version.name in weights ? weights[version.name] / 100 : version.share_configured || 0;
}

// What a route is doing: the name of its picture, and one word.
export function state(route) {
	if (route.phase === "failed") return ["cross", "not polled"];
	if (route.phase !== "polling") return ["ring", route.phase];
	const rollout = route.rollout;
	const phase = rollout?.phase || "none";
	if (rollout?.override) return ["hand", "by hand"];
	const states = {
		waiting: ["half", "waiting"],
		progressing: ["play", "progressing"],
		paused: ["bars", "paused"],
		promoted: ["check", "promoted"],
		aborted: ["diamond", "rolled back"],
		idle: ["eye", "watched"],
	};
	return states[phase] || ["ring", "steady"];
}

export function sentence(route) {
	if (route.phase !== "polling") return route.why ? `${route.phase}: ${route.why}` : route.phase;
	const rollout = route.rollout;
	const phase = rollout?.phase || "none";
	if (rollout?.override) return `weights set by hand: ${listed(route, rollout.override)}${held(rollout)}`;
	const canary = canaryOf(route);
	const to = canary ? `${weightOf(route, canary)} to ${canary}` : "";
	const judged = rollout ? `${VERDICTS[rollout.verdict]}: ${rollout.reason}` : "";
	const steps = rollout?.steps?.length || 0;
	const step = steps ? `step ${rollout.step + 1} of ${steps}, ` : "";
	switch (phase) {
		case "waiting":
		case "progressing":
			return `${step}${to}; ${judged}`;
		case "paused":
			return `paused at ${step}${to}; ${judged}`;
		case "promoted":
			return `promoted: ${to}`;
		case "aborted":
			return `rolled back: ${to}; ${rollout.reason}`;
		case "idle":
			return `${to}, watched; ${judged}`;
		default:
			return canary ? `${to}; nothing judges this route` : `all to ${route.versions[0].name}`;
	}
}

function weightOf(route, name) {
	const version = route.versions.find((each) => each.name === name);
	const share = version ? shareSet(route, version) : 0;
	return share === 0 ? "nothing" : share === 1 ? "all" : percent(share);
}

const listed = (route, weights) =>
	route.versions
		.filter(({ name }) => name in weights)
		.map(({ name }) => `${name} ${weights[name]} %`)
		.join(", ");

const held = (rollout) => (rollout.steps.length ? `; the rollout is paused at step ${rollout.step + 1} of ${rollout.steps.length}` : "");
