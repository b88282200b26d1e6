// See log.h.
#include "proxy/audit/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/audit/chain.h"
#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::audit {

namespace {

using Steady = std::chrono::steady_clock;

// Lines that are written together: bounds the memory that they take.
constexpr std::size_t kMostInBatch = 500;

// How long an event waits for others: under load the thread then wakes some hundred times a second
// and not for each login, which would cost a worker a system call a time, and the machine two changes
// of thread.
constexpr std::chrono::milliseconds kGather{2};

// The part of its patience that a target gets which has just failed: it must not hold the others.
constexpr int kImpatience = 20;

// How often a target that fails is tried again while no event comes.
constexpr std::chrono::seconds kTryAgainEvery{1};

// How often the inventory is asked for what it has lost. Its losses become events that go to it, so
// each report of them must come much later than the one before.
constexpr std::chrono::seconds kAskInventoryEvery{10};

// Whether a file that ends in this line ends as a run does: with its stop, or a loss told behind it.
// No value of a line can play a key: quotes in it are escaped.
bool is_end_of_run(std::string_view line) {
  return line.find(R"("event.action":"stop")") != std::string_view::npos ||
         line.find(R"("event.action":"audit-gap")") != std::string_view::npos;
}

}  // namespace

std::variant<std::unique_ptr<Log>, std::string> Log::open(
    const std::vector<conf::AuditLog>& targets, LogOptions options) {
  using Kind = conf::AuditLog::Kind;
  std::vector<Slot> slots;
  std::vector<std::string_view> gaps;
  const bool is_chained = options.chain == conf::Chain::on && !targets.empty();
  std::string chain(is_chained ? kChainBegin : "");
  bool is_first_file = true;
  bool was_killed = options.inventory != nullptr && options.inventory->had_unclean_stop();
  for (const auto& target : targets) {
    std::string error;
    auto& slot = slots.emplace_back();
    switch (target.kind) {
      case Kind::standard_output:
        slot.target = make_standard_output();
        break;
      case Kind::syslog:
        slot.target = make_syslog(options.syslog_socket, options.observer.name);
        break;
      case Kind::journald:
        slot.target = make_journald(options.journal_socket);
        break;
      case Kind::file: {
        const auto tail = read_tail(target.path);
        was_killed = was_killed || tail.is_torn ||
                     (!tail.last_line.empty() && !is_end_of_run(tail.last_line));
        if (is_chained && std::exchange(is_first_file, false)) {
          if (tail.is_unknown) gaps.emplace_back("chain_broken");
          if (!tail.is_unknown && !tail.last_line.empty()) {
            chain = chain_value_after(tail.last_line);
          }
        }
        slot.target = make_file(target.path, error);
        break;
      }
    }
    if (slot.target == nullptr) {
      return fmt::format("{}:{}: audit.log: cannot open {}: {}", target.place.line,
                         target.place.column, target.path, error);
    }
  }
  if (was_killed) gaps.emplace_back("unclean_stop");
  return std::unique_ptr<Log>(
      new Log(std::move(slots), std::move(options), std::move(chain), std::move(gaps)));
}

Log::Log(std::vector<Slot> slots, LogOptions options, std::string chain,
         std::vector<std::string_view> gaps)
    : options_(std::move(options)),
      gaps_(std::move(gaps)),
      slots_(std::move(slots)),
      writer_(options_.observer),
      chain_(std::move(chain)),
      thread_([this] { run(); }) {}

void Log::close() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

bool Log::is_failing() const {
  const auto* const inventory = options_.inventory;
  return is_failing_ || (inventory != nullptr && inventory->is_failing());
}

void Log::record(Event event) {
  if (slots_.empty() && options_.inventory == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    const auto sequence = next_sequence_++;
    if (queue_.size() >= kMostQueued) {
      ++dropped_;
      ++lost_;
      is_failing_ = true;
      return;
    }
    queue_.push_back(std::move(event));
    sequences_.push_back(sequence);
    // In between the thread has been woken, and gathers.
    if (queue_.size() != 1 && queue_.size() != kMostInBatch) return;
  }
  wakeup_.notify_one();
}

void Log::record_start() {
  record({net::wall_clock(), NodeEvent{"start"}});
  for (const auto reason : gaps_) record({net::wall_clock(), GapEvent{reason, 0}});
}

void Log::reopen() {
  {
    const std::lock_guard lock(mutex_);
    is_reopening_ = true;
  }
  wakeup_.notify_one();
}

void Log::run() {
  for (;;) {
    auto turn = next_turn();
    if (turn.has_dropped && !std::exchange(is_overflowing_, true)) {
      log::error("the audit takes fewer events than come, some are lost{}", consequence());
    }
    const bool is_idle = turn.events.empty();
    if (turn.is_reopening) reopen_files();
    if (!slots_.empty()) write_lines(turn);
    if (options_.inventory != nullptr && !is_idle) options_.inventory->take(std::move(turn.events));
    bool has_more = say_inventory_losses(turn.is_closing);
    if (is_idle && try_again()) has_more = true;
    settle();
    if (turn.is_closing && is_idle && !has_more) has_more = say_last_losses();
    if (turn.is_closing && is_idle && !has_more) return;
  }
}

// Waits for events, or for whatever else there is to do; and where events came, for some more.
Log::Turn Log::next_turn() {
  Turn turn;
  std::unique_lock lock(mutex_);
  const auto is_wanted = [this] { return is_closing_ || is_reopening_ || !queue_.empty(); };
  if (std::ranges::any_of(slots_, &Slot::is_failing)) {
    wakeup_.wait_for(lock, kTryAgainEvery, is_wanted);
  } else if (options_.inventory != nullptr) {
    wakeup_.wait_for(lock, kAskInventoryEvery, is_wanted);
  } else {
    wakeup_.wait(lock, is_wanted);
  }
  wakeup_.wait_for(lock, kGather, [this] {
    return is_closing_ || is_reopening_ || queue_.empty() || queue_.size() >= kMostInBatch;
  });
  turn.events.swap(queue_);
  turn.sequences.swap(sequences_);
  turn.is_reopening = std::exchange(is_reopening_, false);
  turn.is_closing = is_closing_;
  turn.has_dropped = dropped_ > 0;
  if (turn.has_dropped) {
    turn.events.push_back({net::wall_clock(), GapEvent{"queue_full", std::exchange(dropped_, 0)}});
    turn.sequences.push_back(next_sequence_++);
  }
  return turn;
}

void Log::reopen_files() {
  bool is_done = true;
  for (auto& slot : slots_) {
    if (const auto error = slot.target->reopen(); !error.empty()) {
      log::error("the audit log {} cannot be opened anew, the old file stays open: {}",
                 slot.target->name(), error);
      is_done = false;
    }
  }
  if (is_done) log::info("the audit log's files were opened anew");
}

void Log::write_lines(const Turn& turn) {
  for (std::size_t begin = 0; begin < turn.events.size(); begin += kMostInBatch) {
    batch_.text.clear();
    batch_.lines.clear();
    const auto end = std::min(begin + kMostInBatch, turn.events.size());
    for (auto i = begin; i < end; ++i) append_line(turn.events[i], turn.sequences[i]);
    for (auto& slot : slots_) write_batch(slot);
  }
}

void Log::append_line(const Event& event, std::uint64_t sequence) {
  const auto begin = batch_.text.size();
  writer_.append(batch_.text, event, sequence, chain_);
  const auto* const session = session_of(event.body);
  batch_.lines.push_back({begin, batch_.text.size() - begin, level_of(event.body),
                          action_of(event.body), session != nullptr ? session->id : ""});
  if (!chain_.empty()) chain_ = chain_value_after(batch_.text_of(batch_.lines.back()));
}

void Log::write_batch(Slot& slot) {
  if (slot.is_failing() && !write_held(slot)) return lose(slot, batch_.lines.size());
  const auto written = slot.target->write(batch_, options_.patience);
  if (written.too_long > 0) {
    lose(slot, written.too_long);
    if (!std::exchange(slot.has_said_too_long, true)) {
      log::error("the audit log {} takes no line of this length, it is lost", slot.target->name());
    }
  }
  if (written.lost > 0) return hold(slot, written);
  tell_losses(slot);
}

std::string_view Log::consequence() const {
  return options_.on_failure == conf::OnFailure::refuse ? " and logins refused" : "";
}

// The last lines of the batch could not be written: the first of them is kept. That is known at once,
// since the turn may go on for long, with other targets that take their patience.
void Log::hold(Slot& slot, const Written& written) {
  slot.held = batch_.only(batch_.lines.size() - written.lost);
  is_failing_ = true;
  lose(slot, written.lost - 1);
  log::error("the audit log {} cannot be written, events are lost{}: {}", slot.target->name(),
             consequence(), written.error);
}

// Whether the line that could not be written is written now, or given up.
bool Log::write_held(Slot& slot) {
  const auto written = slot.target->write(slot.held, options_.patience / kImpatience);
  if (written.lost > 0) return false;
  lose(slot, written.too_long);
  slot.held = {};
  log::info("the audit log {} can be written again, it lacks {} events", slot.target->name(),
            slot.lost);
  return true;
}

void Log::lose(Slot& slot, std::uint64_t lines) {
  slot.lost += lines;
  lost_ += lines;
}

// What fails, though there is nothing new to write. Whether it recorded an event.
bool Log::try_again() {
  bool has_told = false;
  for (auto& slot : slots_) {
    if (slot.is_failing() && write_held(slot) && tell_losses(slot)) has_told = true;
  }
  return has_told;
}

// Whether it recorded an event.
bool Log::tell_losses(Slot& slot) {
  if (slot.lost == 0) return false;
  record_gap("log_failed", std::exchange(slot.lost, 0));
  return true;
}

// Of the thread itself: it must not find the queue full, or a count would be lost with it.
void Log::record_gap(std::string_view reason, std::uint64_t lost) {
  const std::lock_guard lock(mutex_);
  queue_.push_back({net::wall_clock(), GapEvent{reason, lost}});
  sequences_.push_back(next_sequence_++);
}

// At the end of a turn: how the log is doing.
void Log::settle() {
  bool has_dropped = false;
  {
    const std::lock_guard lock(mutex_);
    has_dropped = dropped_ > 0;
    is_failing_ = has_dropped || std::ranges::any_of(slots_, &Slot::is_failing);
  }
  if (!has_dropped && std::exchange(is_overflowing_, false)) {
    log::info("the audit keeps up again");
  }
}

// What targets lost that still fail when all ends, the others say. Whether it recorded an event.
bool Log::say_last_losses() {
  if (std::exchange(has_said_last_losses_, true)) return false;
  std::uint64_t lost = 0;
  for (auto& slot : slots_) {
    if (slot.is_failing()) lose(slot, 1);
    lost += std::exchange(slot.lost, 0);
  }
  const bool has_others = slots_.size() > 1 || options_.inventory != nullptr;
  if (lost == 0 || !has_others) return false;
  record_gap("log_failed", lost);
  return true;
}

// Whether it recorded an event.
bool Log::say_inventory_losses(bool is_closing) {
  if (options_.inventory == nullptr) return false;
  const auto lost = options_.inventory->take_lost();
  lost_ += lost;
  inventory_lost_ += lost;
  const auto now = Steady::now();
  const bool is_early = is_closing ? has_said_last_ : now - inventory_said_ < kAskInventoryEvery;
  if (inventory_lost_ == 0 || is_early) return false;
  has_said_last_ = is_closing;
  inventory_said_ = now;
  record_gap("inventory_full", std::exchange(inventory_lost_, 0));
  return true;
}

}  // namespace postern::audit
