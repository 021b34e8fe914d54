/* The services of the benchmark, as cheap as possible; see sink.py, which has the same protocol.

   cc -O2 -o sink sink.c && ./sink
   cc -O2 -DWITH_TLS -o sink sink.c -lssl -lcrypto && ./sink CERTIFICATE.pem

   With a file of key and certificates it listens on a second port for https.

   POST /anything is a delivery and gets a 204; at /slow/... after 200 ms, at /after-N/... after N ms, at
   /never/... not at all; /shed/... gets a 503 with Retry-After. GET /_summary, GET /_counts (without the
   ages) and POST /_reset are for the benchmark. One thread, one epoll; sizes are bounded as the
   benchmark's are. A message is known by its header x-aws-sqsd-msgid, or by the `id` that its
   body begins with, where a peer sends no such header. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

enum { INPUT = 65536, EVENTS = 256, NAMES = 1024, NAME = 120, DELAYS = 16, SLOW_MS = 200, HEAD_OF_BODY = 64, NUMBER = 12 };
static const char NO_CONTENT[] = "HTTP/1.1 204 No Content\r\n\r\n";
static const char SHED[] = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
static const char REFUSED[] = "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n";
static const char STAMP[] = "{\"sent_at\":";

struct connection {
    int fd;
#ifdef WITH_TLS
    SSL *tls;               /* NULL on a plain connection */
#endif
    size_t filled;          /* bytes in `input` */
    size_t skip;            /* bytes of a body still to come, which are dropped */
    double due;             /* when a late response is sent; 0 where none is owed */
    int delay;              /* the queue it waits in */
    int owes;               /* a late response: nothing more is read before */
    int awaits;             /* the response once `skip` is 0: a delay, or one of the below */
    struct connection *before, *after;
    char input[INPUT];
};
enum { AT_ONCE = 0, NEVER = -1, SHEDS = -2, NOTHING = -3 };

struct counter { char name[NAME]; size_t length; long count; };
struct counters { struct counter all[NAMES]; int used, last; };
struct delayed { int ms; struct connection *first, *end; };

static struct counters paths, reasons;
static struct delayed delays[DELAYS];
static int delays_used;
static uint64_t (*ids)[2];
static size_t ids_size, ids_used;
static float *ages;
static size_t ages_size, ages_used;
static long doubled, connections, refused;
static volatile sig_atomic_t stopped;
static int epoll;

static double now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void count(struct counters *in, const char *name, size_t length) {
    if (length >= NAME) length = NAME - 1;
    struct counter *it = &in->all[in->last];
    if (!(in->used && it->length == length && !memcmp(it->name, name, length))) {
        int i = 0;
        while (i < in->used && !(in->all[i].length == length && !memcmp(in->all[i].name, name, length))) i++;
        if (i == NAMES) i--;                 /* more names than a benchmark has: they share the last one */
        it = &in->all[i];
        if (i == in->used) { in->used++; it->length = length; memcpy(it->name, name, length); it->count = 0; }
        in->last = i;
    }
    it->count++;
}

static uint64_t hash(const char *from, size_t length, uint64_t seed) {
    uint64_t all = seed;
    for (size_t i = 0; i < length; i++) all = (all ^ (unsigned char)from[i]) * 1099511628211u;
    all ^= all >> 29;
    return all ? all : 1;
}

static int put(uint64_t a, uint64_t b) {      /* whether it is new */
    size_t at = a & (ids_size - 1);
    while (ids[at][0]) {
        if (ids[at][0] == a && ids[at][1] == b) return 0;
        at = (at + 1) & (ids_size - 1);
    }
    ids[at][0] = a; ids[at][1] = b;
    ids_used++;
    return 1;
}

static void note_id(const char *id, size_t length) {
    if (ids_used * 2 >= ids_size) {
        uint64_t (*old)[2] = ids;
        size_t old_size = ids_size;
        ids_size = old_size ? old_size * 2 : 65536;
        ids = calloc(ids_size, sizeof *ids);
        ids_used = 0;
        for (size_t i = 0; i < old_size; i++) if (old[i][0]) put(old[i][0], old[i][1]);
        free(old);
    }
    if (!put(hash(id, length, 14695981039346656037u), hash(id, length, 7046029254386353131u))) doubled++;
}

static void note_age(const char *body, size_t length) {
    if (length < sizeof STAMP + 16 || memcmp(body, STAMP, sizeof STAMP - 1)) return;
    if (ages_used == ages_size) ages = realloc(ages, (ages_size = ages_size ? ages_size * 2 : 65536) * sizeof *ages);
    ages[ages_used++] = (float)((now(CLOCK_REALTIME) - strtod(body + sizeof STAMP - 1, NULL)) * 1000);
}

#ifdef WITH_TLS
static SSL_CTX *context;

static ssize_t tls_result(struct connection *c, int done) {
    if (done > 0) return done;
    int why = SSL_get_error(c->tls, done);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}
#endif

static ssize_t receive(struct connection *c, char *into, size_t room) {
#ifdef WITH_TLS
    if (c->tls) return tls_result(c, SSL_read(c->tls, into, (int)room));
#endif
    return read(c->fd, into, room);
}

static ssize_t transmit(struct connection *c, const char *text, size_t length) {
#ifdef WITH_TLS
    if (c->tls) return tls_result(c, SSL_write(c->tls, text, (int)length));
#endif
    return write(c->fd, text, length);
}

static int more_is_decrypted(const struct connection *c) {   /* which no event announces */
#ifdef WITH_TLS
    if (c->tls) return SSL_pending(c->tls) > 0;
#endif
    (void)c;
    return 0;
}

static void send_text(struct connection *c, const char *text, size_t length) {
    while (length) {                          /* responses are small: only a summary fills the buffer */
        ssize_t sent = transmit(c, text, length);
        if (sent < 0 && errno == EAGAIN) { usleep(200); continue; }
        if (sent < 0) return;
        text += sent; length -= (size_t)sent;
    }
}

static size_t render(const struct counters *from, int strip, char *into) {
    size_t at = 0;
    for (int i = 0; i < from->used; i++) {
        const char *name = from->all[i].name;
        size_t length = from->all[i].length;
        while (strip && length && *name == '/') { name++; length--; }
        while (strip && length && name[length - 1] == '/') length--;
        at += (size_t)sprintf(into + at, "%s\"%.*s\":%ld", i ? "," : "", (int)length, name, from->all[i].count);
    }
    return at;
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void send_summary(struct connection *c, int with_ages) {
    char *text = malloc(NAMES * NAME * 4 + ages_used * 24 + 4096), head[128];
    size_t at = (size_t)sprintf(text, "{\"by_path\":{");
    at += render(&paths, 1, text + at);
    at += (size_t)sprintf(text + at, "},\"by_reason\":{");
    at += render(&reasons, 0, text + at);
    at += (size_t)sprintf(text + at, "},\"distinct\":%zu,\"doubled\":%ld,\"refused\":%ld,\"connections\":%ld",
                          ids_used, doubled, refused, connections);
    at += (size_t)sprintf(text + at, ",\"ages_ms\":[");
    if (with_ages && ages_used) {
        qsort(ages, ages_used, sizeof *ages, ascending);
        for (size_t i = 0; i < ages_used; i++)
            at += (size_t)sprintf(text + at, "%s%.3f", i ? "," : "", (double)ages[i]);
    }
    at += (size_t)sprintf(text + at, "]}");
    send_text(c, head, (size_t)sprintf(head, "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", at));
    send_text(c, text, at);
    free(text);
}

static void forget(void) {
    paths.used = reasons.used = 0;
    paths.last = reasons.last = 0;
    memset(&paths.all[0], 0, sizeof paths.all[0]);
    memset(&reasons.all[0], 0, sizeof reasons.all[0]);
    if (ids) memset(ids, 0, ids_size * sizeof *ids);
    ids_used = ages_used = 0;
    doubled = refused = 0;
}

static void respond_late(struct connection *c, int ms) {
    int i = 0;
    while (i < delays_used && delays[i].ms != ms) i++;
    if (i == DELAYS) i--;
    if (i == delays_used) delays[delays_used++].ms = ms;
    struct delayed *queue = &delays[i];
    c->delay = i; c->owes = 1;
    c->due = now(CLOCK_MONOTONIC) + ms / 1000.0;
    c->after = NULL; c->before = queue->end;
    if (queue->end) queue->end->after = c; else queue->first = c;
    queue->end = c;
}

static void leave_delayed(struct connection *c) {
    struct delayed *queue = &delays[c->delay];
    if (c->before) c->before->after = c->after; else queue->first = c->after;
    if (c->after) c->after->before = c->before; else queue->end = c->before;
    c->owes = 0;
}

static void respond(struct connection *c) {
    int how = c->awaits;
    c->awaits = NOTHING;
    if (how == AT_ONCE) send_text(c, NO_CONTENT, sizeof NO_CONTENT - 1);
    else if (how == SHEDS) send_text(c, SHED, sizeof SHED - 1);
    else if (how > 0) respond_late(c, how);
}

static int how_to_respond(const char *path, size_t length) {
    if (length > 6 && !memcmp(path, "/slow/", 6)) return SLOW_MS;
    if (length > 7 && !memcmp(path, "/after-", 7)) return atoi(path + 7);
    if (length > 7 && !memcmp(path, "/never/", 7)) return NEVER;
    if (length > 6 && !memcmp(path, "/shed/", 6)) return SHEDS;
    return AT_ONCE;
}

/* One request, whose head ends at `end`; returns how many bytes of the input it used. */
static size_t handle(struct connection *c, char *start, char *end) {
    char *path = memchr(start, ' ', (size_t)(end - start));
    if (!path) return (size_t)(end - start);
    path++;
    size_t path_length = strcspn(path, " \r?"), content = 0, id_length = 0, reason_length = 0;
    const char *id = "", *reason = "";
    int chunked = 0;
    for (char *line = memchr(path, '\n', (size_t)(end - path)); line && line + 1 < end - 2;
         line = memchr(line + 1, '\n', (size_t)(end - line - 1))) {
        char *name = line + 1, *colon = memchr(name, ':', (size_t)(end - name));
        if (!colon) break;
        size_t length = (size_t)(colon - name);
        char *value = colon + 1;
        while (*value == ' ') value++;
        if (length == 14 && !strncasecmp(name, "content-length", 14)) content = strtoul(value, NULL, 10);
        else if (length == 16 && !strncasecmp(name, "x-aws-sqsd-msgid", 16)) { id = value; id_length = strcspn(value, "\r"); }
        else if (length == 16 && !strncasecmp(name, "x-gateway-reason", 16)) { reason = value; reason_length = strcspn(value, "\r"); }
        else if (length == 17 && !strncasecmp(name, "transfer-encoding", 17)) chunked = 1;
    }
    size_t there = (size_t)(c->input + c->filled - end);
    if (there < content && there < HEAD_OF_BODY) return 0;   /* the stamp has not arrived */
    if (chunked) { refused++; send_text(c, REFUSED, sizeof REFUSED - 1); c->awaits = NOTHING; return c->filled; }
    if (path_length > 1 && path[1] == '_') {
        if (!strncmp(path, "/_reset", 7)) forget();
        send_summary(c, !strncmp(path, "/_summary", 9));
        c->awaits = NOTHING;
    } else {
        c->awaits = how_to_respond(path, path_length);
        count(&paths, path, path_length);
        if (c->awaits >= 0) {
            char *number = id_length ? NULL : memmem(end, there < HEAD_OF_BODY ? there : HEAD_OF_BODY, "\"id\":\"", 6);
            if (number) { id = number + 6; id_length = NUMBER; }
            count(&reasons, reason, reason_length);
            note_id(id, id_length);
            note_age(end, there < content ? there : content);
        }
    }
    size_t taken = content < there ? content : there;
    c->skip = content - taken;
    if (!c->skip) respond(c);
    return (size_t)(end - start) + taken;
}

static void shut(struct connection *c) {
    if (c->owes) leave_delayed(c);
#ifdef WITH_TLS
    if (c->tls) SSL_free(c->tls);
#endif
    close(c->fd);
    connections--;
    free(c);
}

static int serve(struct connection *c) {       /* whether it stays open */
    for (int drained = 0;; ) {
        size_t at = 0;
        while (!c->owes && !c->skip && at < c->filled) {
            char *end = memmem(c->input + at, c->filled - at, "\r\n\r\n", 4);
            size_t done = end ? handle(c, c->input + at, end + 4) : 0;
            if (!done) break;
            at += done;
        }
        memmove(c->input, c->input + at, c->filled - at);
        c->filled -= at;
        if (c->owes || drained) return 1;       /* another read to be sure costs a fifth */
        if (c->filled == INPUT - 1) return 0;  /* a head that never ends */
        size_t room = INPUT - 1 - c->filled;
        ssize_t got = receive(c, c->input + c->filled, room);
        if (got == 0) return 0;
        if (got < 0) return errno == EAGAIN;
        c->filled += (size_t)got;
        c->input[c->filled] = 0;
        if (c->skip) {
            size_t gone = c->skip < c->filled ? c->skip : c->filled;
            memmove(c->input, c->input + gone, c->filled - gone);
            c->filled -= gone;
            c->skip -= gone;
            if (!c->skip) respond(c);
        }
        drained = (size_t)got < room && !more_is_decrypted(c);
    }
}

static int gone(const struct connection *c) {   /* while a response is owed nothing is read */
    char next;
    ssize_t got = recv(c->fd, &next, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static int respond_to_due(void) {              /* milliseconds until the next one */
    int wait = -1;
    for (int i = 0; i < delays_used; i++) {
        double at = now(CLOCK_MONOTONIC);
        while (delays[i].first && delays[i].first->due <= at) {
            struct connection *c = delays[i].first;
            leave_delayed(c);
            send_text(c, NO_CONTENT, sizeof NO_CONTENT - 1);
            if (!serve(c)) shut(c);
        }
        if (delays[i].first) {
            int ms = (int)((delays[i].first->due - at) * 1000) + 1;
            if (wait < 0 || ms < wait) wait = ms;
        }
    }
    return wait;
}

static void accept_all(int listener, int over_tls) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        c->fd = fd;
#ifdef WITH_TLS
        if (over_tls) {
            c->tls = SSL_new(context);
            SSL_set_fd(c->tls, fd);
            SSL_set_accept_state(c->tls);
        }
#else
        (void)over_tls;
#endif
        c->awaits = NOTHING;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
        connections++;
    }
}

static void stop(int number) { stopped = number; }

static int listener_on(int *port) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 4096)) { perror("listen"); exit(1); }
    getsockname(listener, (struct sockaddr *)&here, &size);
    *port = ntohs(here.sin_port);
    return listener;
}

int main(int count, char **words) {
    struct sigaction on_stop = {.sa_handler = stop};
    int listeners[2], port, plain = 0, tls = 1, used = 1;
    sigaction(SIGTERM, &on_stop, NULL);
    sigaction(SIGINT, &on_stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    listeners[plain] = listener_on(&port);
    printf("listening on http://127.0.0.1:%d", port);
#ifdef WITH_TLS
    if (count > 1) {
        context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        if (SSL_CTX_use_PrivateKey_file(context, words[1], SSL_FILETYPE_PEM) != 1
            || SSL_CTX_use_certificate_chain_file(context, words[1]) != 1) { fprintf(stderr, "no certificate: %s\n", words[1]); return 1; }
        listeners[tls] = listener_on(&port);
        printf(" https://127.0.0.1:%d", port);
        used = 2;
    }
#else
    (void)count; (void)words; (void)tls;
#endif
    printf("\n");
    fflush(stdout);
    epoll = epoll_create1(0);
    struct epoll_event found[EVENTS];
    for (int i = 0; i < used; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &listeners[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, listeners[i], &wanted);
    }
    while (!stopped) {
        int n = epoll_wait(epoll, found, EVENTS, respond_to_due());
        for (int i = 0; i < n; i++) {
            void *what = found[i].data.ptr;
            if (what == &listeners[plain]) { accept_all(listeners[plain], 0); continue; }
            if (what == &listeners[tls]) { accept_all(listeners[tls], 1); continue; }
            struct connection *c = what;
            if (c->owes ? gone(c) : !serve(c)) shut(c);
        }
    }
    return 0;
}
