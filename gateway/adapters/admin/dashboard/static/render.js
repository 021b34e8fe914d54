// h() describes elements, as h("p.small", {key: "limits"}, "text"): a tag with its classes,
// properties where it has any, and content. render() makes what is on the page like the
// description, and keeps the elements that fit, with their focus and scroll position.
const SVG = "http://www.w3.org/2000/svg";
const known = new WeakMap();

const there = (kids) => kids.flat(Infinity).filter((kid) => kid || kid === 0);

export function h(name, ...kids) {
	const [tag, ...classes] = name.split(".");
	const props = kids[0]?.constructor === Object && !kids[0].tag ? kids.shift() : {};
	if (classes.length) props.class = classes.join(" ");
	return { tag, props, kids: there(kids) };
}

export function render(parent, kids) {
	const left = new Map();
	let unnamed = 0;
	for (const node of [...parent.childNodes]) {
		const key = known.get(node)?.key;
		left.set(key ?? unnamed++, node);
	}
	let place = 0;
	unnamed = 0;
	for (const kid of there(kids)) {
		const key = kid.props?.key ?? unnamed++;
		const found = left.get(key);
		const node = fits(found, kid) ? found : make(kid, parent);
		if (node === found) left.delete(key);
		if (parent.childNodes[place] !== node) parent.insertBefore(node, parent.childNodes[place] || null);
		place += 1;
		fill(node, kid);
	}
	for (const node of left.values()) node.remove();
}

function fits(node, kid) {
	if (!node) return false;
	return kid.tag ? node.localName === kid.tag : node.nodeType === Node.TEXT_NODE;
}

function make(kid, parent) {
	if (!kid.tag) return document.createTextNode("");
	if (kid.tag === "svg" || parent.namespaceURI === SVG) return document.createElementNS(SVG, kid.tag);
	return document.createElement(kid.tag);
}

function fill(node, kid) {
	if (!kid.tag) {
		const text = String(kid);
		if (node.data !== text) node.data = text;
		return;
	}
	const before = known.get(node) || {};
	const now = kid.props;
	known.set(node, now);
	for (const name of Object.keys(before)) if (!(name in now)) set(node, name, null);
	for (const [name, value] of Object.entries(now)) if (before[name] !== value) set(node, name, value);
	if (!now.own) render(node, kid.kids);
}

// A style is set property by property: the Content-Security-Policy forbids the attribute.
function set(node, name, value) {
	if (name === "key" || name === "own") return;
	if (name.startsWith("on")) node[name] = value;
	else if (name === "wide") node.style.width = value;
	else if (value === null || value === undefined || value === false) node.removeAttribute(name);
	else node.setAttribute(name, value === true ? "" : value);
}
