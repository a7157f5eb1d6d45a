# Shows messages and conversations to signed-in people as they come. Trap (facts 8): it runs in Sidekiq, so without a
# worker the page has to be loaded again.
class ActionCableListener
  def initialize(event, record)
    @event = event
    @record = record
  end

  def perform
    return unless @record.is_a?(Message) || @record.is_a?(Conversation)

    members = @record.account.administrators.pluck(:pubsub_token) | @record.inbox.members.pluck(:pubsub_token)
    members.each { |token| ActionCable.server.broadcast(token, { event: @event, data: @record.push_event_data.as_json }) }
  end
end
