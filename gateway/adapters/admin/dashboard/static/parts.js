// Parts that more than one panel has.
import { h } from "./render.js";
import { clock, moment, unix } from "./words.js";

// Small pictures of states: each has a shape of its own, so that colour is not needed to tell them.
const PATHS = {
	ring: "M8 2.5a5.5 5.5 0 1 0 .01 0z",
	cross: "M3 3 13 13M13 3 3 13",
	hand: "M3 5h10M3 11h10M6 2.5v5M10 8.5v5",
	half: "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 5v3.2l2.2 1.6",
	play: "M4 2.5 13 8 4 13.5z",
	bars: "M5 3v10M11 3v10",
	check: "M2.5 8.5 6.5 12.5 13.5 4",
	diamond: "M8 1.5 14.5 8 8 14.5 1.5 8z",
	follow: "M2 8h11M8.5 3.5 13 8 8.5 12.5",
	eye: "M1.5 8C4 3.5 12 3.5 14.5 8 12 12.5 4 12.5 1.5 8zM8 6.2a1.8 1.8 0 1 0 .01 0z",
};

export const shape = (name) =>
	h("svg", { class: `shape ${name}`, width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: PATHS[name] }));

export const panel = (id, title, ...content) =>
	h("section.panel", { key: id, id, "aria-labelledby": `${id}-head` }, h("h3", { id: `${id}-head` }, title), content);

export const button = (text, onclick, more) => h("button", { key: text, type: "button", onclick, ...more }, text);

export const badge = ([picture, word]) => h(`span.badge.${picture}`, shape(picture), word);

// A picture with a title and a text for those who do not see it.
export const picture = (kind, id, title, text, width, height, ...content) =>
	h(
		`svg.${kind}`,
		{ role: "img", "aria-labelledby": `${id}-title ${id}-text`, width, height, viewBox: `0 0 ${width} ${height}` },
		h("title", { id: `${id}-title` }, title),
		h("desc", { id: `${id}-text` }, text),
		content,
	);

export const figures = (name, words) => h("p", h("span", name), h("span.figures", words));

// Filled up to the first part of the whole, with a mark at the second one.
export const bar = (part, mark) =>
	h("div.bar", { "aria-hidden": "true" }, h("i", { wide: `${part * 100}%` }), mark !== undefined && h("u", { wide: `${mark * 100}%` }));

export const failure = (kind, error) => error && h(`p.small.${kind}`, { key: "error" }, `◆ ${clock(unix(error.time))} ${error.text}`);

export const time = (iso) => h("time", { datetime: iso }, moment(iso));

export const heads = (names) => h("thead", h("tr", names.map((name) => h("th", { scope: "col" }, name))));
