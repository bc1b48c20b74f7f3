# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install, make uninstall, make deb. Included by the top-level Makefile behind the
# programs. README.md tells what goes where.

DESTDIR ?=
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec/baton
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/baton
BASHDIR ?= $(DATADIR)/bash-completion/completions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
PRESETDIR ?= $(LIBDIR)/systemd/user-preset
ZSHDIR ?= $(DATADIR)/zsh/site-functions
# Where DKMS looks, whatever PREFIX is.
USRSRC ?= /usr/src

PACKAGE_OUT := $(BUILD)/package
BATON_VERSION := $(shell sed -n 's/^\#define BATON_VERSION "\(.*\)"$$/\1/p' shared/baton_version.h)
KMOD_SOURCE_DIR := $(USRSRC)/baton-$(BATON_VERSION)
MANUALS := $(patsubst %,$(PACKAGE_OUT)/man/%,vmctl.1 $(notdir $(wildcard scripts/package/man/*)))
COMPLETIONS := $(addprefix $(PACKAGE_OUT)/completion/,bash zsh fish)
UNITS := $(addprefix $(PACKAGE_OUT)/units/,batond.socket batond.service)

# What DKMS compiles: the module's sources and nothing else.
KMOD_SOURCES := Kbuild $(filter-out %.mod.c,$(wildcard \
	kmod/*.[chS] kmod/vmx/*.[chS] kmod/svm/*.[chS] shared/*.h))

.PHONY: man install install-programs install-module install-app uninstall deb
man: $(MANUALS)

# ---- what is made for it ----

$(PACKAGE_OUT)/settings: scripts/package/settings.c \
		$(filter-out %/daemon/main.o,$(DAEMON_OBJECTS)) $(VMCTL_SHARED)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(USER_CC) $(DAEMON_CFLAGS) $(DAEMON_INCLUDES) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(PACKAGE_OUT)/man/vmctl.1: $(BUILD)/bin/vmctl
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)$(BUILD)/bin/vmctl help --man >$@.new && mv $@.new $@

$(PACKAGE_OUT)/man/%: scripts/package/man/% scripts/package/manual shared/ABI.md \
		$(PACKAGE_OUT)/settings $(BUILD)/bin/vmctl $(BUILD)/bin/batond
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)scripts/package/manual $< $(BUILD)/bin $(PACKAGE_OUT)/settings >$@.new && mv $@.new $@

$(PACKAGE_OUT)/completion/%: $(BUILD)/bin/vmctl
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)$(BUILD)/bin/vmctl completion $* >$@.new && mv $@.new $@

# Always: they name the folders of this very installation.
.PHONY: $(UNITS)
$(UNITS): $(PACKAGE_OUT)/units/%: scripts/package/%.in
	@mkdir -p $(@D)
	$(Q)sed 's,@BINDIR@,$(BINDIR),' $< >$@

# ---- where it goes ----

put = $(Q)install -D -m $(1) $(2) $(DESTDIR)$(3)
put_link = $(Q)mkdir -p $(DESTDIR)$(dir $(2)) && ln -sfn $(1) $(DESTDIR)$(2)

install: install-programs install-module install-app

install-programs: userland $(MANUALS) $(COMPLETIONS) $(UNITS)
	$(call put,755,$(BUILD)/bin/vmctl,$(BINDIR)/vmctl)
	$(call put,755,$(BUILD)/bin/batond,$(BINDIR)/batond)
	$(call put,755,$(BUILD)/bin/baton-vm,$(LIBEXECDIR)/baton-vm)
	$(call put,755,$(BUILD)/bin/baton-net,$(LIBEXECDIR)/baton-net)
	$(call put_link,vmctl,$(BINDIR)/batonctl)
	$(call put_link,../bin/batond,$(SBINDIR)/virtbatond)
	$(Q)for page in $(MANUALS); do \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	$(call put_link,vmctl.1,$(MANDIR)/man1/batonctl.1)
	$(call put_link,batond.8,$(MANDIR)/man8/virtbatond.8)
	$(call put,644,$(PACKAGE_OUT)/completion/bash,$(BASHDIR)/vmctl)
	$(call put_link,vmctl,$(BASHDIR)/batonctl)
	$(call put,644,$(PACKAGE_OUT)/completion/zsh,$(ZSHDIR)/_vmctl)
	$(call put,644,$(PACKAGE_OUT)/completion/fish,$(FISHDIR)/vmctl.fish)
	$(call put_link,vmctl.fish,$(FISHDIR)/batonctl.fish)
	$(Q)for unit in $(UNITS); do \
		install -D -m 644 $$unit $(DESTDIR)$(LIBDIR)/systemd/user/$${unit##*/} || exit; \
	done
	$(call put,644,scripts/package/70-baton.preset,$(PRESETDIR)/70-baton.preset)
	$(call put,644,scripts/package/70-baton.rules,$(LIBDIR)/udev/rules.d/70-baton.rules)
	$(call put,644,scripts/package/sysusers.conf,$(LIBDIR)/sysusers.d/baton.conf)
	$(call put,644,scripts/package/tmpfiles.conf,$(LIBDIR)/tmpfiles.d/baton.conf)
	$(call put,644,userland/daemon/api/README.md,$(DOCDIR)/api/README.md)
	$(Q)$(BUILD)/bin/batond --api-reference >$(PACKAGE_OUT)/API.md
	$(call put,644,$(PACKAGE_OUT)/API.md,$(DOCDIR)/api/API.md)
	@echo "  installed the programs below $(DESTDIR)$(PREFIX)"

install-module:
	$(Q)mkdir -p $(PACKAGE_OUT)
	$(Q)sed 's,@VERSION@,$(BATON_VERSION),' scripts/package/dkms.conf.in \
		>$(PACKAGE_OUT)/dkms.conf
	$(call put,644,$(PACKAGE_OUT)/dkms.conf,$(KMOD_SOURCE_DIR)/dkms.conf)
	$(Q)for file in $(KMOD_SOURCES); do \
		install -D -m 644 $$file $(DESTDIR)$(KMOD_SOURCE_DIR)/$$file || exit; \
	done
	$(call put,644,scripts/package/modules-load.conf,$(LIBDIR)/modules-load.d/baton.conf)
	@echo "  installed the module's sources in $(DESTDIR)$(KMOD_SOURCE_DIR)"

# The app is optional: what "make gui" has built.
APP_ICONS := $(wildcard gui/icons/org.baton.Baton*.svg)
APP_METAINFO := $(wildcard gui/*.metainfo.xml)
ifneq ($(wildcard $(BUILD)/bin/baton),)
install-app:
	$(call put,755,$(BUILD)/bin/baton,$(BINDIR)/baton)
	$(call put,644,gui/org.baton.Baton.desktop,$(DATADIR)/applications/org.baton.Baton.desktop)
	$(Q)for icon in $(APP_ICONS); do \
		case $$icon in *-symbolic.svg) of=symbolic ;; *) of=scalable ;; esac; \
		install -D -m 644 $$icon \
			$(DESTDIR)$(DATADIR)/icons/hicolor/$$of/apps/$${icon##*/} || exit; \
	done
	$(Q)for file in $(APP_METAINFO); do \
		install -D -m 644 $$file $(DESTDIR)$(DATADIR)/metainfo/$${file##*/} || exit; \
	done
	@echo "  installed the app below $(DESTDIR)$(PREFIX)"
else
install-app:
	@echo "  the app is not built, so it is not installed (make gui)"
endif

# What an installation of now would put there. Folders stay, but for those of Baton alone.
uninstall:
	$(Q)rm -rf $(PACKAGE_OUT)/list
	$(Q)$(MAKE) install DESTDIR=$(abspath $(PACKAGE_OUT))/list >/dev/null
	$(Q)cd $(PACKAGE_OUT)/list && find . ! -type d | while IFS= read -r file; do \
		rm -f "$(DESTDIR)/$$file" || exit; \
	done
	$(Q)cd $(PACKAGE_OUT)/list && find . -depth -type d -path '*/baton*' | \
		while IFS= read -r dir; do rmdir "$(DESTDIR)/$$dir" 2>/dev/null || :; done
	$(Q)rm -rf $(PACKAGE_OUT)/list

deb: userland
	scripts/package/build-deb
