// Buttons that change something: each asks once in a dialog, and shows why where it is refused.
import { call, keep, token } from "./access.js";
import { button } from "./parts.js";
import { h, render } from "./render.js";
import { canaryOf, shareSet } from "./words.js";

const ask = document.getElementById("ask");
const key = document.getElementById("key");
const BY = "dashboard";
// A click beside a dialog closes it, as Escape does.
for (const dialog of [ask, key]) dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

const VERBS = {
	pause: ["Pause", "The canary keeps its weight. Failures still roll it back."],
	resume: ["Resume", "The rollout goes on from its step."],
	promote: ["Promote", "The canary gets the weight of the next step."],
	abort: ["Abort", "The canary gets no more messages, on every replica, until you retry."],
	retry: ["Retry", "A new trial of the same revision begins with the first step."],
};

const GOING = ["pause", "promote", "abort"];
const ALLOWED = {
	waiting: GOING,
	progressing: GOING,
	paused: ["resume", "promote", "abort"],
	aborted: ["retry"],
};

export function buttons(route, changed) {
	const rollout = route.rollout;
	if (!rollout) return [];
	const verbs = ALLOWED[rollout.phase] || [];
	const usable = rollout.steps.length ? verbs : verbs.filter((verb) => verb === "retry");
	return [
		usable.map((verb) => button(VERBS[verb][0], () => askVerb(route.name, verb, changed), verb === "abort" && { class: "danger" })),
		route.versions.length > 1 && button("Set weights", () => askWeights(route, changed)),
		rollout.override && button("Clear weights", () => askClear(route.name, changed)),
	];
}

const place = (route, rest) => `api/routes/${encodeURIComponent(route)}/${rest}`;
const field = (name, text, props) => h("label", { key: name }, h("span", text), h("input", { name, autocomplete: "off", ...props }));
const reason = () => field("reason", "Reason, for the history (optional)", { maxlength: 200 });

function askVerb(route, verb, changed) {
	const [name, what] = VERBS[verb];
	const full = verb === "promote" && h("label.tick-box", h("input", { type: "checkbox", name: "full" }), h("span", "to the end: all messages now"));
	open(`${name} ${route}?`, [h("p", what), full, reason()], name, verb === "abort", changed, (form) => {
		const path = `rollout/${verb}${form.full?.checked ? "?full=true" : ""}`;
		return call("POST", place(route, path), { by: BY, reason: form.reason.value });
	});
}

function askWeights(route, changed) {
	const canary = canaryOf(route);
	const others = route.versions.filter((version) => !version.stable);
	const fields = others.map((version) =>
		field(`weight-${version.name}`, `${version.name}, per cent`, {
			type: "number", min: 0, max: 100, step: 1, required: true, inputmode: "numeric",
			value: version.name === canary || shareSet(route, version) ? Math.round(shareSet(route, version) * 100) : 0,
		}),
	);
	const what = "In force on every replica within 5 s, over file, rollout and followed object, until you clear them. Stable gets the rest.";
	open(`Set weights of ${route.name}?`, [h("p", what), fields], "Set weights", false, changed, (form) => {
		const weights = others.map((version) => [version.name, Number(form[`weight-${version.name}`].value)]);
		return call("PUT", place(route.name, "weights"), Object.fromEntries(weights));
	});
}

function askClear(route, changed) {
	const what = "The weights of the file, the rollout or the followed object count again; a rollout stays paused.";
	open(`Clear weights of ${route}?`, [h("p", what)], "Clear weights", false, changed, () => call("DELETE", place(route, "weights")));
}

// A dialog with a title, content, and buttons of which the last one submits.
const form = (dialog, title, onsubmit, content, verb, { danger, disabled, other }) =>
	render(dialog, [
		h(
			"form",
			{ key: title, onsubmit },
			h("h2", { id: `${dialog.id}-title` }, title),
			content,
			h("div.buttons", other, button("Cancel", () => dialog.close()), h(`button.solid${danger ? ".danger" : ""}`, { type: "submit", disabled }, verb)),
		),
	]);

function open(title, content, verb, danger, changed, act) {
	const show = (error, disabled) =>
		form(ask, title, submit, [content, h("p.error", { role: "alert" }, error || "")], verb, { danger, disabled });
	const submit = async (event) => {
		event.preventDefault();
		const form = event.target.elements;
		show("", true);
		try {
			changed(await act(form));
			ask.close();
		} catch (error) {
			if (error.status === 401 && (await askToken(token() ? "The gateway does not take this token." : "This gateway asks for its token."))) {
				show("");
				ask.querySelector("form").requestSubmit();
			} else {
				show(error.message);
			}
		}
	};
	ask.replaceChildren();
	show("");
	ask.showModal();
}

// Resolves to true once a token was entered.
export function askToken(why) {
	return new Promise((resolve) => {
		let entered = false;
		const done = (text) => {
			keep(text);
			entered = Boolean(text);
			key.close();
		};
		const submit = (event) => {
			event.preventDefault();
			done(event.target.elements.token.value.trim());
		};
		const content = [
			h("p", why || "The value of GATEWAY_ADMIN_TOKEN. It is kept for this tab alone."),
			field("token", "Token", { type: "password", required: true }),
		];
		key.replaceChildren();
		form(key, "Token", submit, content, "Use token", { other: token() && button("Forget", () => done("")) });
		key.onclose = () => resolve(entered);
		key.showModal();
	});
}
