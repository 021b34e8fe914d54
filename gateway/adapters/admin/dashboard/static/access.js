// The token: kept for this tab alone, sent as Authorization header and in no other way.
const KEY = "gateway-token";

export const token = () => sessionStorage.getItem(KEY) || "";

export function keep(text) {
	if (text) sessionStorage.setItem(KEY, text);
	else sessionStorage.removeItem(KEY);
}

export const headers = (more) => (token() ? { ...more, Authorization: `Bearer ${token()}` } : { ...more });

// Returns what the gateway responds; throws an Error with its sentence.
export async function call(method, path, body) {
	let response;
	try {
		response = await fetch(path, {
			method,
			headers: headers(body && { "Content-Type": "application/json" }),
			body: body && JSON.stringify(body),
		});
	} catch {
		throw new Error("the gateway does not respond");
	}
	const text = await response.text();
	if (response.ok) return JSON.parse(text);
	let why = text.trim();
	try {
		why = JSON.parse(text).error || why;
	} catch {
		// it is a sentence already
	}
	throw Object.assign(new Error(why || `status ${response.status}`), { status: response.status });
}
