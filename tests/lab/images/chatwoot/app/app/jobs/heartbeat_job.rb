# Proves a worker end to end: enqueue it, then read alfred:HEARTBEAT. Not upstream's; for tests of the lab.
class HeartbeatJob < ApplicationJob
  queue_as :scheduled_jobs

  def perform(mark = Time.current.to_i.to_s)
    Redis::Alfred.setex('HEARTBEAT', mark, 1.hour)
  end
end
