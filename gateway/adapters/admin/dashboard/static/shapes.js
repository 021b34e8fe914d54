// Small pictures of states: each has a shape of its own, so that colour is not needed to tell them.
import { h } from "./render.js";

const PATHS = {
	ring: "M8 2.5a5.5 5.5 0 1 0 .01 0z",
	cross: "M3 3 13 13M13 3 3 13",
	hand: "M3 5h10M3 11h10M6 2.5v5M10 8.5v5",
	half: "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 5v3.2l2.2 1.6",
	play: "M4 2.5 13 8 4 13.5z",
	bars: "M5 3v10M11 3v10",
	check: "M2.5 8.5 6.5 12.5 13.5 4",
	diamond: "M8 1.5 14.5 8 8 14.5 1.5 8z",
	eye: "M1.5 8C4 3.5 12 3.5 14.5 8 12 12.5 4 12.5 1.5 8zM8 6.2a1.8 1.8 0 1 0 .01 0z",
};

export const shape = (name) =>
	h("svg", { class: `shape ${name}`, width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: PATHS[name] }));
