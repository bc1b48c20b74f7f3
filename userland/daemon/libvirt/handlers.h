/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The procedures that Baton has, by file. procedures.c says what each takes and answers. */
#ifndef BATON_DAEMON_LIBVIRT_HANDLERS_H
#define BATON_DAEMON_LIBVIRT_HANDLERS_H

#include "libvirt/dispatch.h"

#define LIBVIRT_LEVEL 9000000u	/* the version of libvirt's API that we imitate */

/* connect.c: the connection itself */
void do_auth_list(struct call *call);
void do_supports_feature(struct call *call);
void do_open(struct call *call);
void do_close(struct call *call);
void do_close_callback_add(struct call *call);
void do_close_callback_remove(struct call *call);
void do_get_type(struct call *call);
void do_get_version(struct call *call);
void do_get_lib_version(struct call *call);
void do_get_hostname(struct call *call);
void do_get_uri(struct call *call);
void do_is_secure(struct call *call);
void do_domain_event_add(struct call *call);
void do_network_event_add(struct call *call);
void do_pool_event_add(struct call *call);
void do_nodedev_event_add(struct call *call);
void do_secret_event_add(struct call *call);
void do_domain_event_remove(struct call *call);
void do_network_event_remove(struct call *call);
void do_pool_event_remove(struct call *call);
void do_nodedev_event_remove(struct call *call);
void do_secret_event_remove(struct call *call);

/* absent.c: looks up what there is none of */
void do_absent(struct call *call);

/* host.c: the host */
void do_capabilities(struct call *call);
void do_domain_capabilities(struct call *call);
void do_node_info(struct call *call);
void do_node_free_memory(struct call *call);
void do_node_cells_free(struct call *call);
void do_node_cpu_stats(struct call *call);
void do_node_memory_stats(struct call *call);
void do_node_cpu_map(struct call *call);
void do_max_vcpus(struct call *call);
/* The map of a CPU that may run on all of the host's, `length` bytes of it. */
void put_all_cpus(uint8_t *map, uint32_t length);

/* list.c: which VMs there are */
void do_list_all_domains(struct call *call);
void do_lookup_by_name(struct call *call);
void do_lookup_by_uuid(struct call *call);
void do_lookup_by_id(struct call *call);
void do_num_of_domains(struct call *call);
void do_list_domains(struct call *call);
void do_num_of_defined(struct call *call);
void do_list_defined(struct call *call);

/* state.c: what a VM is */
void do_get_state(struct call *call);
void do_get_info(struct call *call);
void do_get_xml(struct call *call);
void do_is_active(struct call *call);
void do_is_persistent(struct call *call);
void do_get_autostart(struct call *call);
void do_set_autostart(struct call *call);
void do_get_os_type(struct call *call);
void do_get_control_info(struct call *call);
void do_get_metadata(struct call *call);
void do_set_metadata(struct call *call);
void do_get_job_info(struct call *call);
void do_get_job_stats(struct call *call);
void do_abort_job(struct call *call);
/* state and reason of libvirt's */
void state_of(const struct vm *vm, int32_t *ret_state, int32_t *ret_reason);

/* life.c: what changes its state */
void do_define(struct call *call);
void do_create_xml(struct call *call);
void do_create(struct call *call);
void do_create_flags(struct call *call);
void do_destroy(struct call *call);
void do_shutdown(struct call *call);
void do_reboot(struct call *call);
void do_reset(struct call *call);
void do_suspend(struct call *call);
void do_resume(struct call *call);
void do_undefine(struct call *call);
void do_rename(struct call *call);
/* The client has gone: VMs that it wanted to end with it. */
void autodestroy(struct connection *conn);
/* The VM ends with the connection; NULL: that is over, and so it ends now. */
void autodestroy_with(struct connection *conn, struct vm *vm);

/* device.c: what changes its definition */
void do_attach_device(struct call *call);
void do_detach_device(struct call *call);
void do_update_device(struct call *call);
void do_set_memory(struct call *call);
void do_set_memory_flags(struct call *call);
void do_set_max_memory(struct call *call);
void do_get_max_memory(struct call *call);
void do_set_vcpus(struct call *call);
void do_set_vcpus_flags(struct call *call);
void do_get_vcpus_flags(struct call *call);
void do_get_max_vcpus(struct call *call);
void do_get_vcpu_pin(struct call *call);

/* stats.c: counters */
void do_get_vcpus(struct call *call);
void do_cpu_stats(struct call *call);
void do_all_domain_stats(struct call *call);
void do_memory_stats(struct call *call);
void do_block_stats(struct call *call);
void do_block_stats_flags(struct call *call);
void do_interface_stats(struct call *call);
void do_block_info(struct call *call);
void do_disk_errors(struct call *call);
void do_interface_addresses(struct call *call);

/* console.c: console, screen, keys */
void do_open_console(struct call *call);
void do_screenshot(struct call *call);
void do_send_key(struct call *call);
void do_open_graphics_fd(struct call *call);
void do_open_graphics(struct call *call);

/* network_face.c: networks */
void do_list_all_networks(struct call *call);
void do_num_of_networks(struct call *call);
void do_list_networks(struct call *call);
void do_network_by_name(struct call *call);
void do_network_by_uuid(struct call *call);
void do_network_xml(struct call *call);
void do_network_is_active(struct call *call);
void do_network_is_persistent(struct call *call);
void do_network_get_autostart(struct call *call);
void do_network_set_autostart(struct call *call);
void do_network_bridge(struct call *call);
void do_network_leases(struct call *call);
void do_network_define(struct call *call);
void do_network_create(struct call *call);
void do_num_of_defined_networks(struct call *call);
void do_list_defined_networks(struct call *call);
/* network_state.c: unless a client has ended it. */
bool network_shows_active(const struct network *network);
/* One of this UUID may have gone. */
void network_state_new(const struct network *network);
void do_network_destroy(struct call *call);
void do_network_undefine(struct call *call);
/* How many bits of its addresses are the network's. */
unsigned int network_prefix(const struct network *network);

/* storage.c: pools, and snapshots, of which there are none */
void do_list_all_pools(struct call *call);
void do_num_of_pools(struct call *call);
void do_list_pools(struct call *call);
void do_num_of_defined_pools(struct call *call);
void do_list_defined_pools(struct call *call);
void do_pool_by_name(struct call *call);
void do_pool_by_uuid(struct call *call);
void do_pool_by_volume(struct call *call);
void do_pool_by_path(struct call *call);
void do_pool_info(struct call *call);
void do_pool_xml(struct call *call);
void do_pool_is_active(struct call *call);
void do_pool_is_persistent(struct call *call);
void do_pool_get_autostart(struct call *call);
void do_pool_define(struct call *call);
void do_pool_build(struct call *call);
void do_pool_create(struct call *call);
void do_pool_destroy(struct call *call);
void do_pool_undefine(struct call *call);
void do_pool_delete(struct call *call);
void do_pool_refresh(struct call *call);
void do_pool_set_autostart(struct call *call);
void do_snapshot_lookup(struct call *call);
void do_snapshot_of(struct call *call);

/* volume.c: their volumes */
void do_pool_num_of_volumes(struct call *call);
void do_pool_list_volumes(struct call *call);
void do_pool_list_all_volumes(struct call *call);
void do_volume_by_name(struct call *call);
void do_volume_by_key(struct call *call);
void do_volume_info(struct call *call);
void do_volume_info_flags(struct call *call);
void do_volume_xml(struct call *call);
void do_volume_path(struct call *call);

/* volume_change.c, volume_stream.c */
void do_volume_create(struct call *call);
void do_volume_copy(struct call *call);
void do_volume_delete(struct call *call);
void do_volume_resize(struct call *call);
void do_volume_upload(struct call *call);
void do_volume_download(struct call *call);

#endif
