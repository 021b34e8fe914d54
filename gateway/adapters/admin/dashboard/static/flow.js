// The picture of the flow: a dot for each message or for some; one that fails comes back as a diamond.
import { picture } from "./parts.js";
import { h } from "./render.js";
import { count, percent, rate, shareSet } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_DOTS = 24; // begun in a second, all versions together
const CROSSING_MS = 1500;
const FAILED_MS = 2600;
const still = matchMedia("(prefers-reduced-motion: reduce)");

const cut = (text, width) => {
	const most = Math.max(4, Math.floor(width / 7.3));
	return text.length > most ? `${text.slice(0, most - 1)}…` : text;
};

// From left to right; on a narrow page from above to below.
function layout(width, versions) {
	const box = (x, y, wide, high = 64) => ({ x, y, wide, high });
	if (width < 560) {
		const half = Math.min(200, width / 2);
		const each = (width - 8 * (versions - 1)) / versions;
		return {
			width, height: 306, down: true,
			queue: box((width - half) / 2, 1, half),
			gateway: box((width - half) / 2, 113, half, 47),
			versions: Array.from({ length: versions }, (_, at) => box(at * (each + 8), 241, each)),
		};
	}
	const height = Math.max(96, versions * 78 + 10);
	const middle = height / 2 - 32;
	return {
		width, height, down: false,
		queue: box(1, middle, 150),
		gateway: box((width - 218) / 2, middle, 150),
		versions: Array.from({ length: versions }, (_, at) => box(width - 219, (height / versions) * (at + 0.5) - 32, 218)),
	};
}

function ends(from, to, down) {
	if (down) return [from.y + from.high, from.x + from.wide / 2, to.y, to.x + to.wide / 2];
	return [from.x + from.wide, from.y + from.high / 2, to.x, to.y + to.high / 2];
}

// Along the way of the flow, and across it: these are y and x where it goes down.
function along([a0, c0, a1, c1], t, down) {
	const middle = (a0 + a1) / 2;
	const u = 1 - t;
	const way = u * u * u * a0 + 3 * u * t * (u + t) * middle + t * t * t * a1;
	const across = c0 * (u * u * u + 3 * u * u * t) + c1 * (3 * u * t * t + t * t * t);
	return down ? [across, way] : [way, across];
}

function curve([a0, c0, a1, c1], down) {
	const middle = (a0 + a1) / 2;
	const points = [[a0, c0], [middle, c0], [middle, c1], [a1, c1]].map((point) => (down ? point.reverse() : point).join(" "));
	return `M${points[0]}C${points.slice(1).join(" ")}`;
}

const per = ({ second }) => second.acked + second.failed;

export class Flow {
	constructor() {
		this.dots = [];
		this.perDot = 1;
		this.running = false;
	}

	// Returns the description of the picture; dots live in a group of their own.
	draw(route, width) {
		const at = (this.at = layout(width, route.versions.length));
		const text = (box, line, size, words) => h(`text.${size}`, { x: box.x + 12, y: box.y + 17 + line * 17 }, cut(words, box.wide - 18));
		const node = (box, kind, lines, full) =>
			h(
				`g.node.${kind}`,
				h("title", full),
				h("rect", { x: box.x, y: box.y, width: box.wide, height: box.high, rx: 8 }),
				lines.slice(0, Math.floor(box.high / 17)).map((words, line) => text(box, line, line ? "small" : "strong", words)),
			);
		const edge = (from, to, share, kind) =>
			h("path", { d: curve(ends(from, to, at.down), at.down), class: `edge ${kind}`, "stroke-width": (1.5 + 7 * share).toFixed(1) });
		const received = rate(route.rates.received_per_second);
		const sum = (of) => route.kafka.partitions.reduce((n, p) => n + p[of], 0);
		const dead = route.kafka
			? `${sum("blocked") ? "blocked, " : sum("paused") ? "paused, " : ""}${count(sum("behind"))} behind`
			: route.redrive ? `redrive to ${route.redrive.queue}` : "";
		const description = route.versions
			.map((v) => `${v.name}: ${percent(shareSet(route, v))} set, ${count(per(v))} in the last second, ${count(v.second.failed)} of them failed`)
			.join("; ");
		return picture(
			"flow", "flow", `From ${route.queue} over the gateway to its versions`, `${received} messages a second come in. ${description}.`, width, at.height,
			edge(at.queue, at.gateway, 1, ""),
			route.versions.map((v, i) => edge(at.gateway, at.versions[i], shareSet(route, v), `c${i % 4}${shareSet(route, v) ? "" : " none"}`)),
			node(at.queue, "queue", [route.queue, `${received}/s in`, dead], `${route.kafka ? `Group ${route.kafka.group} of` : "Queue"} ${route.queue}`),
			node(at.gateway, "gateway", ["gateway", `${count(route.in_flight)} in flight`, `of ${count(route.max_in_flight)}`], "The gateway"),
			route.versions.map((v, i) =>
				node(
					at.versions[i],
					`c${i % 4}`,
					[
						`${v.name}${v.tag && v.tag !== v.name ? ` · ${v.tag}` : ""}`,
						`${count(per(v))}/s${v.second.failed ? `, ◆ ${count(v.second.failed)} failing` : ""}`,
						at.down ? `${count(v.in_flight)} in flight` : `${count(v.in_flight)} of ${count(v.max_in_flight)} in flight`,
					],
					`${v.name}: ${v.url || v.queue || v.topic}`,
				),
			),
			h("g.dots", { key: "dots", own: true, "aria-hidden": "true" }),
		);
	}

	// Begins the dots of one second, once the picture is on the page.
	begin(route, group) {
		this.group = group;
		const all = route.versions.reduce((sum, version) => sum + per(version), 0);
		this.perDot = Math.max(1, Math.ceil(all / MOST_DOTS));
		if (still.matches) return this.stand(route);
		if (document.visibilityState === "hidden") return;
		const now = performance.now();
		route.versions.forEach((version, place) => {
			for (const [number, failed] of [[version.second.acked, false], [version.second.failed, true]]) {
				const dots = Math.ceil(number / this.perDot);
				for (let i = 0; i < dots; i++) this.add(place, failed, now + ((i + Math.random()) / dots) * 1000);
			}
		});
		if (!this.running && this.dots.length) {
			this.running = true;
			requestAnimationFrame((moment) => this.move(moment));
		}
	}

	clear() {
		this.dots.forEach((dot) => dot.node.remove());
		this.dots = [];
		this.group?.replaceChildren();
	}

	add(place, failed, begun) {
		this.dots.push({ place, failed, begun, node: document.createElementNS(SVG, "path"), turned: null });
	}

	move(now) {
		this.dots = this.dots.filter((dot) => {
			const part = (now - dot.begun) / (dot.failed ? FAILED_MS : CROSSING_MS);
			if (part >= 1 || !this.at.versions[dot.place]) {
				dot.node.remove();
				return false;
			}
			if (part >= 0) this.place(dot, part);
			return true;
		});
		this.running = this.dots.length > 0;
		if (this.running) requestAnimationFrame((moment) => this.move(moment));
	}

	place(dot, part) {
		const back = dot.failed && part > 0.55;
		if (dot.turned !== back) {
			dot.turned = back;
			shape(dot.node, back, dot.place);
			this.group.append(dot.node);
		}
		const way = dot.failed ? (back ? 1 - (part - 0.55) / 0.45 : part / 0.55) : part;
		const { queue, gateway, versions } = this.at;
		if (way < 0.4) this.put(dot.node, queue, gateway, way / 0.4);
		else this.put(dot.node, gateway, versions[dot.place], (way - 0.4) / 0.6);
	}

	// Puts a dot on the way between two boxes.
	put(node, from, to, part) {
		const { down } = this.at;
		const [x, y] = along(ends(from, to, down), part, down);
		node.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
	}

	stand(route) {
		this.clear();
		const { gateway, versions } = this.at;
		route.versions.forEach((version, place) => {
			const all = per(version);
			const dots = Math.min(4, all);
			const failed = version.second.failed ? Math.max(1, Math.round((dots * version.second.failed) / all)) : 0;
			for (let i = 0; i < dots; i++) {
				const node = document.createElementNS(SVG, "path");
				shape(node, i < failed, place);
				this.put(node, gateway, versions[place], (i + 1) / (dots + 1));
				this.group.append(node);
			}
		});
	}
}

function shape(node, failed, place) {
	node.setAttribute("class", failed ? "dot failed" : `dot c${place % 4}`);
	node.setAttribute("d", failed ? "M0-7 7 0 0 7-7 0z" : "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0");
}

