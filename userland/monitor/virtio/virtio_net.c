// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net on a port of baton-net: virtio 1.2, 5.1.
 *
 * Each card has one thread, which serves all three queues and the port. It
 * sleeps in poll() on their eventfds and the socket. Kicks are off while it is
 * awake; for receive buffers they are on only while a frame waits for one.
 *
 * The card runs, idles and ends by command, as disks do (virtio_blk.c): the
 * commanding thread waits until the card's thread has taken it up, which it
 * does between batches, with nothing of the guest's memory in its hands.
 *
 * Checksums and large segments pass to the port as the driver made them; what
 * this driver takes of them the port learns by a hello at each start.
 */
#define _GNU_SOURCE /* struct mmsghdr */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/virtio_net_private.h"

#define PCI_CLASS_ETHERNET 0x020000
/* USO, younger than some headers: virtio 1.2, 5.1.3 */
#define F_GUEST_USO4 54
#define F_GUEST_USO6 55
#define F_HOST_USO 56

static struct virtio_net *net_of(struct virtio_device *dev)
{
	return (struct virtio_net *)((char *)dev - offsetof(struct virtio_net, dev));
}

/* ---- the card's thread ---- */

void virtio_net_set_link(struct virtio_net *net, bool up)
{
	uint16_t status = up ? VIRTIO_NET_S_LINK_UP : 0;

	net->gone = !up;
	if (__atomic_exchange_n(&net->config.status, status, __ATOMIC_RELAXED) != status)
		virtio_device_config_changed(&net->dev);
}

static uint32_t port_features(const struct virtio_device *dev)
{
	bool csum = virtio_has_feature(dev, VIRTIO_NET_F_GUEST_CSUM);
	uint32_t features = csum ? NET_PORT_CSUM : 0;

	/* 5.1.3.1: the others depend on it */
	if (csum && virtio_has_feature(dev, VIRTIO_NET_F_GUEST_TSO4))
		features |= NET_PORT_TSO4;
	if (csum && virtio_has_feature(dev, VIRTIO_NET_F_GUEST_TSO6))
		features |= NET_PORT_TSO6;
	if (csum && virtio_has_feature(dev, F_GUEST_USO4) &&
	    virtio_has_feature(dev, F_GUEST_USO6))
		features |= NET_PORT_USO;
	return features;
}

/* A driver starts: nothing of the last one's is left, and the port learns about it. */
static void begin(struct virtio_net *net)
{
	struct net_port_hello hello = { .features = port_features(&net->dev) };

	net->rx_first = net->rx_count = 0;
	net->tx_blocked = net->rx_starved = false;
	net->greeting = true;
	virtio_net_filter_reset(net);
	memcpy(hello.mac, net->mac, 6);
	memcpy(hello.name, net->name, sizeof(hello.name));
	if (!net->gone && net_backend_hello(net->backend, &hello))
		virtio_net_set_link(net, false);
}

static void obey(struct virtio_net *net)
{
	int command = atomic_load(&net->command);

	if (command == (int)net->state)
		return;
	if (command == NET_RUNNING)
		begin(net);
	pthread_mutex_lock(&net->lock);
	net->state = (enum net_state)command;
	pthread_cond_signal(&net->obeyed);
	pthread_mutex_unlock(&net->lock);
}

static void drain(int fd)
{
	eventfd_t value;

	(void)!eventfd_read(fd, &value);
}

/* Sleeps until there is a command, a kick, or something on the port. */
static void rest(struct virtio_net *net)
{
	bool running = net->state == NET_RUNNING;
	struct pollfd p[NET_QUEUES + 2] = {
		{ .fd = net->wake_fd, .events = POLLIN },
		{ .fd = running && !net->gone ? net_backend_fd(net->backend) : -1 },
	};

	if (!net->rx_starved)
		p[1].events |= POLLIN;
	if (net->tx_blocked)
		p[1].events |= POLLOUT;
	if (!p[1].events)
		p[1].fd = -1; /* its end would wake us for nothing */
	for (unsigned int i = 0; i < NET_QUEUES; i++)
		p[2 + i] = (struct pollfd){ running ? net->dev.queue[i].kick_fd : -1, POLLIN, 0 };
	if (poll(p, NET_QUEUES + 2, -1) < 0)
		return;
	if (p[0].revents)
		drain(net->wake_fd);
	for (unsigned int i = 0; i < NET_QUEUES; i++)
		if (p[2 + i].revents)
			drain(net->dev.queue[i].kick_fd);
}

/* One batch of everything. True if there is nothing left, so that the thread may sleep. */
static bool serve(struct virtio_net *net)
{
	struct virtio_queue *queue = net->dev.queue;
	bool busy;

	virtq_kicks_off(&queue[NET_TX].ring);
	virtq_kicks_off(&queue[NET_RX].ring);
	busy = virtio_net_transmit(net);
	busy |= virtio_net_receive(net);
	busy |= virtio_net_control(net);
	if (busy)
		return false;
	if (!net->tx_blocked && virtq_kicks_on(&queue[NET_TX].ring))
		return false;
	if (net->rx_starved && virtq_kicks_on_beyond(&queue[NET_RX].ring, net->rx_have))
		return false;
	return !virtq_kicks_on(&queue[NET_CONTROL].ring);
}

static void *card_thread(void *ctx)
{
	struct virtio_net *net = ctx;

	while (obey(net), net->state != NET_GONE)
		if (net->state != NET_RUNNING || serve(net))
			rest(net);
	return NULL;
}

/* Returns once the thread is in that state. */
static void command(struct virtio_net *net, enum net_state state)
{
	pthread_mutex_lock(&net->lock);
	atomic_store(&net->command, state);
	(void)!eventfd_write(net->wake_fd, 1);
	while (net->state != state)
		pthread_cond_wait(&net->obeyed, &net->lock);
	pthread_mutex_unlock(&net->lock);
}

/* Signals are the main thread's affair. */
static int start_thread(struct virtio_net *net)
{
	sigset_t all, old;
	int error;

	atomic_store(&net->command, NET_IDLE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = -pthread_create(&net->thread, NULL, card_thread, net);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	net->thread_started = !error;
	return error;
}

/* ---- the device ---- */

static int net_start(struct virtio_device *dev)
{
	command(net_of(dev), NET_RUNNING);
	return 0;
}

static void net_stop(struct virtio_device *dev)
{
	command(net_of(dev), NET_IDLE);
}

static void net_free(struct virtio_net *net)
{
	net_backend_close(net->backend);
	if (net->wake_fd >= 0)
		close(net->wake_fd);
	pthread_cond_destroy(&net->obeyed);
	pthread_mutex_destroy(&net->lock);
	free(net);
}

static void net_destroy(struct virtio_device *dev)
{
	struct virtio_net *net = net_of(dev);

	if (net->thread_started) {
		command(net, NET_GONE);
		pthread_join(net->thread, NULL);
	}
	virtio_device_fini(dev);
	net_free(net);
}

static const struct virtio_class net_class = {
	.name = "virtio-net",
	.type = VIRTIO_ID_NET,
	.pci_class = PCI_CLASS_ETHERNET,
	.queue_count = NET_QUEUES,
	.queue_size = NET_QUEUE_SIZE,
	.start = net_start,
	.stop = net_stop,
	.destroy = net_destroy,
};

#define FEATURES \
	(1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_STATUS | 1ull << VIRTIO_NET_F_MTU | \
	 1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_CTRL_VQ | \
	 1ull << VIRTIO_NET_F_CTRL_RX | 1ull << VIRTIO_NET_F_CTRL_RX_EXTRA | \
	 1ull << VIRTIO_NET_F_CTRL_MAC_ADDR | \
	 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_HOST_TSO4 | \
	 1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << F_HOST_USO | \
	 1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 | \
	 1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << F_GUEST_USO4 | 1ull << F_GUEST_USO6)

/* Up to and with the MTU. */
#define NET_CONFIG_SIZE offsetof(struct virtio_net_config, speed)

static struct virtio_net *net_alloc(const struct virtio_net_options *options)
{
	struct virtio_net *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	if (options->name)
		memcpy(net->name, options->name, strnlen(options->name, NET_PORT_NAME_MAX));
	pthread_mutex_init(&net->lock, NULL);
	pthread_cond_init(&net->obeyed, NULL);
	net->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return net;
}

/* Finds out what the network is like, before there is a driver. */
static int greet(struct virtio_net *net, const struct virtio_net_options *options,
		 struct virtio_net_kept *kept)
{
	struct net_port_hello hello = { 0 };
	int error = net_backend_open(options->path, options->fd, &net->backend);

	if (error)
		return error;
	memcpy(hello.mac, kept->mtu ? kept->mac : options->mac, 6);
	memcpy(hello.name, net->name, sizeof(hello.name));
	error = net_backend_greet(net->backend, &hello);
	if (error)
		return error;
	memcpy(kept->mac, hello.mac, 6);
	kept->mtu = hello.mtu;
	return 0;
}

/* A guest that starts over because it was reset goes on without its network, as it was. */
static int plug_in(struct virtio_net *net, const struct virtio_net_options *options)
{
	struct virtio_net_kept none = { 0 }, *kept = options->kept ? options->kept : &none;
	int error = greet(net, options, kept);

	if (error && !kept->mtu)
		return error;
	if (error)
		fprintf(stderr, "baton-vm: the network card has no link: the network says: %s\n",
			strerror(-error));
	net->gone = error != 0;
	memcpy(net->mac, kept->mac, 6);
	memcpy(net->config.mac, kept->mac, 6);
	net->config.status = error ? 0 : VIRTIO_NET_S_LINK_UP;
	net->config.max_virtqueue_pairs = 1;
	net->config.mtu = kept->mtu;
	return 0;
}

int virtio_net_create(struct machine *m, const struct virtio_net_options *options,
		      struct virtio_device **ret)
{
	struct virtio_net *net = net_alloc(options);
	int error;

	if (!net)
		return -ENOMEM;
	error = net->wake_fd < 0 ? -EMFILE : plug_in(net, options);
	if (!error)
		error = virtio_device_init(&net->dev, m, &net_class, FEATURES, &net->config,
					   NET_CONFIG_SIZE);
	if (error) {
		net_free(net);
		return error;
	}
	error = start_thread(net);
	if (error) {
		virtio_device_destroy(&net->dev);
		return error;
	}
	*ret = &net->dev;
	return 0;
}

void virtio_net_get_stats(struct virtio_device *dev, struct virtio_net_stats *ret)
{
	struct virtio_net *net = net_of(dev);

	*ret = (struct virtio_net_stats){
		.rx_frames = atomic_load(&net->rx_frames),
		.rx_bytes = atomic_load(&net->rx_bytes),
		.rx_dropped = atomic_load(&net->rx_dropped),
		.tx_frames = atomic_load(&net->tx_frames),
		.tx_bytes = atomic_load(&net->tx_bytes),
		.tx_dropped = atomic_load(&net->tx_dropped),
	};
}
