// Line charts of our own: one line a series, dashed where steps changed, and the same as a table.
import { heads, picture } from "./parts.js";
import { h } from "./render.js";
import { clock } from "./words.js";

const LEFT = 52;
const RIGHT = 10;
const TOP = 18;
const BOTTOM = 22;
const HEIGHT = 190;

function nice(value) {
	const power = 10 ** Math.floor(Math.log10(value));
	return [1, 2, 4, 6, 10].find((step) => step * power >= value) * power;
}

// Breaks a line where nothing was delivered for more than two spans.
function lines(points, x, y, gap) {
	let path = "";
	let before = -Infinity;
	for (const [at, value] of points) {
		path += `${at - before > gap ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
		before = at;
	}
	return path;
}

// of: {id, title, series: [{name, kind, points: [[t, v]]}], marks: [{at, text}], from, to, gap, least, words, limit}
export function chart(of, width) {
	const highest = Math.max(of.least, ...of.series.flatMap((one) => one.points.map((point) => point[1])));
	const top = nice(of.limit < highest * 3 ? Math.max(highest, of.limit) : highest);
	const x = (at) => LEFT + ((at - of.from) / (of.to - of.from)) * (width - LEFT - RIGHT);
	const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
	const ages = (of.to - of.from > 600 ? [60, 40, 20, 0] : [5, 4, 3, 2, 1, 0]).filter((age) => width > 360 || age % 2 === 0);
	const last = ({ points }) => of.words(points.at(-1)[1]);
	const seen = of.series.filter((one) => one.points.length);
	const latest = seen.map((one) => `${one.name} ${last(one)}`).join(", ");
	const level = (value, kind) => h(`line.${kind}`, { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) });
	let free = -Infinity;
	const marks = of.marks.filter((mark) => mark.at > of.from && mark.at <= of.to);
	return [
		picture(
			"chart", of.id, of.title, latest ? `Latest: ${latest}.` : "Nothing was delivered in this time.", width, HEIGHT,
			[0, 0.5, 1].map((part) => [
				level(top * part, part ? "grid" : "axis"),
				h("text.tick.end", { x: LEFT - 7, y: y(top * part) + 4 }, of.words(top * part)),
			]),
			ages.map((age) => h(`text.tick.${age ? "mid" : "end"}`, { x: x(of.to - age * 60), y: HEIGHT - 5 }, age ? `−${age} min` : "now")),
			marks.map((mark) => {
				const at = x(mark.at);
				const fits = at > free;
				if (fits) free = at + mark.text.length * 6.4 + 8;
				const before = at > width - 70;
				return h(
					"g.mark",
					h("line", { x1: at, x2: at, y1: TOP - 6, y2: HEIGHT - BOTTOM }),
					fits && h(before ? "text.end" : "text", { x: before ? at - 4 : at + 4, y: TOP - 6 }, mark.text),
				);
			}),
			of.limit && of.limit <= top && level(of.limit, "limit"),
			of.series.map((one) => h("path", { d: lines(one.points, x, y, of.gap), class: `line ${one.kind}` })),
			seen.map((one) => h("circle", { cx: x(one.points.at(-1)[0]), cy: y(one.points.at(-1)[1]), r: 3, class: `end-dot ${one.kind}` })),
		),
		h(
			"ul.legend",
			of.series.map((one) => h("li", sample(`line ${one.kind}`), ` ${one.name} `, h("b", one.points.length ? last(one) : "–"))),
			of.limit && h("li", sample("limit"), ` limit ${of.words(of.limit)}`),
		),
		table(of),
	];
}

const sample = (kind) => h("svg", { width: 22, height: 8, "aria-hidden": "true" }, h("path", { d: "M1 4H21", class: kind }));

function table(of) {
	const times = [...new Set(of.series.flatMap((one) => one.points.map((point) => point[0])))].sort().slice(-10);
	const cell = (one, time) => {
		const point = one.points.find((each) => each[0] === time);
		return h("td", point ? of.words(point[1]) : "–");
	};
	const rows = times.map((time) => h("tr", h("th", { scope: "row" }, clock(time)), of.series.map((one) => cell(one, time))));
	const head = heads(["from", ...of.series.map((one) => one.name)]);
	return h("div.hidden", h("table", h("caption", `${of.title}, the last points`), head, h("tbody", rows)));
}
