// See inventory.h.
#include "proxy/audit/inventory/inventory.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "proxy/audit/inventory/day_watch.h"
#include "proxy/audit/inventory/rollup.h"
#include "proxy/audit/inventory/store.h"
#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::audit::inventory {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostQueued = 50'000;
// A batch is written at the latest when it is this old, or has grown so large.
constexpr milliseconds kBatchTime{1000};
constexpr std::size_t kBatchEvents = 5'000;
constexpr milliseconds kRetryAfter{1000};
constexpr milliseconds kBetweenRemovals{50};
constexpr std::chrono::minutes kCareEvery{1};  // trim, look whether the file is in place

std::int64_t now_milliseconds() {
  return std::chrono::floor<milliseconds>(net::wall_clock()).time_since_epoch().count();
}

std::int64_t today() {
  return std::chrono::floor<std::chrono::days>(net::wall_clock()).time_since_epoch().count();
}

class SqliteInventory final : public Inventory {
 public:
  SqliteInventory(Options options, WriterLock lock, std::unique_ptr<Store> store, std::int64_t run,
                  bool had_unclean_stop, DayWatch days)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        had_unclean_stop_(had_unclean_stop),
        store_(std::move(store)),
        run_(run),
        days_(days),
        thread_([this] { this->run(); }) {}
  SqliteInventory(const SqliteInventory&) = delete;
  SqliteInventory& operator=(const SqliteInventory&) = delete;
  ~SqliteInventory() override;

  bool had_unclean_stop() const override { return had_unclean_stop_; }
  void take(std::vector<Event> events) override;
  std::uint64_t take_lost() override;
  bool is_failing() const override { return is_failing_ || is_overflowing_; }

 private:
  using Batches = std::vector<std::vector<Event>>;

  void run();
  // Waits until a batch is due or `until` has come, and takes what is queued. Whether it ends now.
  bool wait(Batches& batches, std::optional<Steady::time_point> until);
  void roll_up(const Batches& batches);
  // Writes what is rolled up. False: it stays, and is tried again.
  bool write();
  bool has_store();
  void fail(const std::string& error);
  void care();
  void remove_old();
  void end();
  std::optional<Steady::time_point> next_task() const;

  const Options options_;
  const WriterLock lock_;
  const bool had_unclean_stop_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  Batches queue_;
  std::size_t queued_ = 0;  // events in all of them
  std::uint64_t lost_ = 0;
  bool is_closing_ = false;
  std::atomic<bool> is_overflowing_ = false;  // the queue has no room: set and reset under mutex_
  std::atomic<bool> is_failing_ = false;      // what was last tried failed: changed by the thread

  // Of the thread alone.
  std::unique_ptr<Store> store_;  // null while it cannot be opened
  std::optional<std::int64_t> run_;
  Rollup pending_;
  DayWatch days_;
  bool is_doubting_ = false;  // the day is held to be wrong: said once
  Steady::time_point retry_at_{};
  Steady::time_point care_at_ = Steady::now() + kCareEvery;
  Steady::time_point remove_at_{};
  std::int64_t removed_on_ = 0;  // the day on which all that was too old was found removed
  std::thread thread_;
};

SqliteInventory::~SqliteInventory() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void SqliteInventory::take(std::vector<Event> events) {
  std::erase_if(events, [](const Event& event) { return !is_for_inventory(event); });
  if (events.empty()) return;
  bool is_due = false;
  {
    const std::lock_guard lock(mutex_);
    const auto room = kMostQueued - queued_;
    if (events.size() > room) {
      lost_ += events.size() - room;
      is_overflowing_ = true;
      events.erase(events.begin() + static_cast<std::ptrdiff_t>(room), events.end());
      if (events.empty()) return;
    }
    const bool was_empty = queued_ == 0;
    const bool was_due = queued_ >= kBatchEvents;
    queued_ += events.size();
    queue_.push_back(std::move(events));
    is_due = was_empty || (!was_due && queued_ >= kBatchEvents);
  }
  if (is_due) wakeup_.notify_one();
}

std::uint64_t SqliteInventory::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, 0);
}

bool SqliteInventory::wait(Batches& batches, std::optional<Steady::time_point> until) {
  std::unique_lock lock(mutex_);
  const auto has_some = [this] { return is_closing_ || queued_ > 0; };
  // While what is rolled up cannot be written, the queue has to keep what comes.
  const bool may_take = pending_.is_empty();
  if (!may_take) {
    wakeup_.wait_until(lock, *until, [this] { return is_closing_; });
  } else if (!until) {
    wakeup_.wait(lock, has_some);
  } else {
    wakeup_.wait_until(lock, *until, has_some);
  }
  if (may_take && queued_ > 0) {
    // Collects more: what is alike becomes one row.
    wakeup_.wait_for(lock, kBatchTime, [this] { return is_closing_ || queued_ >= kBatchEvents; });
    batches.swap(queue_);
    queued_ = 0;
    is_overflowing_ = false;
  }
  return is_closing_;
}

void SqliteInventory::roll_up(const Batches& batches) {
  for (const auto& batch : batches) {
    for (const auto& event : batch) pending_.add(event, options_.node);
  }
}

// When the thread has to do something although no event comes.
std::optional<Steady::time_point> SqliteInventory::next_task() const {
  if (is_failing_) return retry_at_;
  return std::min(care_at_, remove_at_);
}

void SqliteInventory::run() {
  for (;;) {
    Batches batches;
    const bool is_closing = wait(batches, next_task());
    roll_up(batches);
    batches.clear();
    if (is_closing) break;
    const auto now = Steady::now();
    if (is_failing_ && now < retry_at_) continue;
    if (!has_store() || !write()) continue;
    if (now >= care_at_) care();
    if (store_ != nullptr && now >= remove_at_) remove_old();
  }
  end();
}

bool SqliteInventory::has_store() {
  if (store_ != nullptr) return true;
  auto opened = Store::open(options_.path, options_.node);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    fail(*error);
    return false;
  }
  store_ = std::move(std::get<std::unique_ptr<Store>>(opened));
  return true;
}

bool SqliteInventory::write() {
  if (!pending_.is_empty()) {
    if (const auto error = store_->write(pending_)) {
      fail(*error);
      return false;
    }
    pending_ = {};
  }
  if (is_failing_.exchange(false)) {
    log::info("the inventory {} can be written again", options_.path);
  }
  return true;
}

// Says so once. The database is opened anew for the next try: the file may be another one by then.
void SqliteInventory::fail(const std::string& error) {
  if (!is_failing_.exchange(true)) {
    log::error(
        "the inventory {} cannot be written; events wait, and are lost when there are too "
        "many: {}",
        options_.path, error);
  }
  store_.reset();
  retry_at_ = Steady::now() + kRetryAfter;
}

void SqliteInventory::care() {
  care_at_ = Steady::now() + kCareEvery;
  store_->trim();
  if (!store_->is_in_place()) {
    log::warn("the inventory {} was moved or removed: begun anew", options_.path);
    store_.reset();
    run_.reset();
    has_store();
  }
}

void SqliteInventory::remove_old() {
  remove_at_ = Steady::now() + kCareEvery;
  const auto day = today();
  if (!days_.may_go_by(day, Steady::now())) {
    if (!std::exchange(is_doubting_, true)) {
      log::warn(
          "the inventory {}: the clock is more than {} days ahead of what was seen before; nothing "
          "old is removed until it has stayed so for {} hours",
          options_.path, DayWatch::kMostAhead, DayWatch::kProof.count());
    }
    return;
  }
  is_doubting_ = false;
  if (day == removed_on_) return;
  const auto left = store_->remove_before(day - options_.keep.count());
  if (const auto* error = std::get_if<std::string>(&left)) {
    fail(*error);
  } else if (std::get<Store::Left>(left) == Store::Left::more) {
    remove_at_ = Steady::now() + kBetweenRemovals;
  } else {
    removed_on_ = day;
  }
}

// The last words: one more try where it fails.
void SqliteInventory::end() {
  Batches batches;
  {
    const std::lock_guard lock(mutex_);
    batches.swap(queue_);
  }
  if (!pending_.is_empty() && has_store()) write();
  if (pending_.is_empty()) {
    roll_up(batches);
    if (!pending_.is_empty() && has_store()) write();
  }
  if (!pending_.is_empty()) {
    log::error("the inventory {} lacks the last {} events", options_.path, pending_.events);
    return;  // a run without an end: the next one says that something is missing
  }
  if (store_ != nullptr && run_) {
    if (const auto error = store_->end_run(*run_, now_milliseconds())) fail(*error);
  }
}

}  // namespace

std::variant<std::unique_ptr<Inventory>, std::string> Inventory::open(Options options) {
  const auto fault = [&options](const std::string& words) { return options.path + ": " + words; };
  auto lock = WriterLock::take(options.path);
  if (const auto* error = std::get_if<std::string>(&lock)) return fault(*error);
  auto opened = Store::open(options.path, options.node);
  if (const auto* error = std::get_if<std::string>(&opened)) return fault(*error);
  auto& store = std::get<std::unique_ptr<Store>>(opened);
  const DayWatch days(store->last_day());
  const bool had_unclean_stop = store->has_unended_run(options.node);
  const auto run = store->begin_run(options.node, now_milliseconds());
  if (const auto* error = std::get_if<std::string>(&run)) return fault(*error);
  return std::make_unique<SqliteInventory>(std::move(options),
                                           std::move(std::get<WriterLock>(lock)), std::move(store),
                                           std::get<std::int64_t>(run), had_unclean_stop, days);
}

}  // namespace postern::audit::inventory
