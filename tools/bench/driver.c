/* The least that a consumer can do, to see what SQS and services of the benchmark can take: receive ten,
   POST each on a connection of its own, delete ten; raw bytes, parsed as little as possible.

   cc -O2 -pthread -o driver driver.c && ./driver SQS_PORT QUEUE SINK_PORT|0 [LOOPS]

   It relies on the order of members in the fast SQS's responses. 0 leaves the POSTs out. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEN = 10, ROOM = 1 << 20 };
static int sqs_port, sink_port;
static const char *queue;

static int dial(int port) {
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (connect(fd, (struct sockaddr *)&there, sizeof there)) { perror("connect"); exit(1); }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static void all(int fd, const char *text, size_t length) {
    while (length) {
        ssize_t sent = write(fd, text, length);
        if (sent <= 0) exit(1);
        text += sent; length -= (size_t)sent;
    }
}

/* Reads one whole response; returns where its body begins. */
static char *read_response(int fd, char *into) {
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(fd, into + filled, ROOM - 1 - filled);
        if (got <= 0) exit(1);
        filled += (size_t)got;
        into[filled] = 0;
        char *end = strstr(into, "\r\n\r\n");
        if (!end) continue;
        char *length = strcasestr(into, "content-length:");
        size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
        if (filled >= (size_t)(end - into) + 4 + body) return end + 4;
    }
}

static size_t request(char *into, const char *more, const char *body, size_t length) {
    size_t at = (size_t)sprintf(into, "POST %s\r\nhost: bench\r\ncontent-length: %zu\r\n\r\n", more, length);
    memcpy(into + at, body, length);
    return at + length;
}

static size_t post(char *into, const char *id, const char *body, const char *body_end) {
    static __thread char plain[ROOM];
    char more[128];
    size_t length = 0;
    for (; body < body_end; body++) {           /* the bench's bodies escape quotation marks only */
        if (*body == '\\') body++;
        plain[length++] = *body;
    }
    sprintf(more, "/stable HTTP/1.1\r\nx-aws-sqsd-msgid: %.36s", id);
    return request(into, more, plain, length);
}

static void *loop(void *unused) {
    char *text = malloc(ROOM), *out = malloc(ROOM), *reply = malloc(ROOM), *body = malloc(ROOM), receive[1024];
    int sqs = dial(sqs_port), sinks[TEN];
    for (int i = 0; i < TEN && sink_port; i++) sinks[i] = dial(sink_port);
    size_t length = (size_t)sprintf(body,
        "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":1,"
        "\"MessageSystemAttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]}", queue);
    size_t asked = request(receive, "/ HTTP/1.1\r\nx-amz-target: AmazonSQS.ReceiveMessage", body, length);
    for (;;) {
        all(sqs, receive, asked);
        char *at = read_response(sqs, text);
        int found = 0;
        length = (size_t)sprintf(body, "{\"QueueUrl\":\"%s\",\"Entries\":[", queue);
        while ((at = strstr(at, "{\"MessageId\":\""))) {
            char *id = at + 14, *receipt = strstr(id, "\"ReceiptHandle\":\"") + 17;
            char *receipt_end = strchr(receipt, '"'), *start = strstr(receipt_end, "\"Body\":\"") + 8;
            char *end = strstr(start, "\",\"Attributes\":");
            length += (size_t)sprintf(body + length, "%s{\"Id\":\"%d\",\"ReceiptHandle\":\"%.*s\"}",
                                      found ? "," : "", found, (int)(receipt_end - receipt), receipt);
            if (sink_port) all(sinks[found], out, post(out, id, start, end));
            found++;
            at = end;
        }
        if (!found) continue;
        for (int i = 0; i < found && sink_port; i++) read_response(sinks[i], reply);
        length += (size_t)sprintf(body + length, "]}");
        all(sqs, out, request(out, "/ HTTP/1.1\r\nx-amz-target: AmazonSQS.DeleteMessageBatch", body, length));
        read_response(sqs, reply);
    }
    return unused;
}

int main(int count, char **words) {
    if (count < 4) return 2;
    sqs_port = atoi(words[1]); queue = words[2]; sink_port = atoi(words[3]);
    int loops = count > 4 ? atoi(words[4]) : 8;
    pthread_t thread;
    for (int i = 0; i < loops; i++) pthread_create(&thread, NULL, loop, NULL);
    pthread_join(thread, NULL);
    return 0;
}
