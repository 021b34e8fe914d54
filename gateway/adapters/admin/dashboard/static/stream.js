// Reads server-sent events by fetch, since an EventSource can send no Authorization header.
import { headers } from "./access.js";

const SILENT_MS = 5000;

// on: frame(object), history(object), link(word, sentence), refused(status, sentence)
export class Stream {
	constructor(on) {
		this.on = on;
		this.retry = 2000;
		this.abort = null;
		document.addEventListener("visibilitychange", () => this.follow());
		// A page that is kept for the back button keeps no connection.
		addEventListener("pagehide", () => this.stop());
		addEventListener("pageshow", () => this.follow());
	}

	// Browsers allow 6 connections to a host: a tab that nobody sees gives its own up.
	follow() {
		if (document.visibilityState === "hidden") this.stop();
		else if (!this.abort) this.start();
	}

	restart() {
		this.stop();
		this.follow();
	}

	stop() {
		clearTimeout(this.again);
		clearTimeout(this.silent);
		this.abort?.abort();
		this.abort = null;
	}

	async start() {
		const abort = (this.abort = new AbortController());
		this.on.link("wait", "connecting");
		let pause = this.retry;
		let why = "not connected";
		try {
			const response = await fetch("api/events", { headers: headers(), signal: abort.signal, cache: "no-store" });
			if (!response.ok) {
				why = (await response.text()).trim();
				pause = response.status === 401 ? null : 10000;
				if (this.abort === abort) this.on.refused(response.status, why);
			} else {
				this.on.link("live", "live");
				await this.read(response.body.getReader());
			}
		} catch (error) {
			if (abort.signal.aborted) return;
		}
		clearTimeout(this.silent);
		if (this.abort !== abort) return;
		this.abort = null;
		this.on.link("lost", pause === null ? "needs the token" : `${why}; trying again`);
		if (pause !== null) this.again = setTimeout(() => this.follow(), pause);
	}

	async read(reader) {
		const decoder = new TextDecoder();
		let text = "";
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			text += decoder.decode(value, { stream: true });
			const events = text.split("\n\n");
			text = events.pop();
			events.forEach((event) => this.take(event));
		}
	}

	take(event) {
		let kind = "frame";
		for (const line of event.split("\n")) {
			const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) || [];
			if (name === "event") kind = value;
			else if (name === "retry") this.retry = Number(value) || this.retry;
			else if (name === "data") this.on[kind]?.(JSON.parse(value));
		}
		if (kind !== "frame") return;
		clearTimeout(this.silent);
		this.silent = setTimeout(() => this.on.link("lost", "the gateway is silent"), SILENT_MS);
	}
}
