# Sends one webhook: a JSON POST with 5 s to connect and 5 s to answer, redirects are errors, no retry, no signature.
# A failure is only logged, except for an API inbox: there the message is marked as failed, also when the receiver did
# its work but answered late (facts 8).
require 'net/http'

class Webhooks::Trigger
  TIMEOUT = 5
  HEADERS = { 'Content-Type' => 'application/json', 'Accept' => 'application/json' }.freeze
  MARKED = %w[message_created message_updated].freeze

  def self.execute(url, payload, webhook_type = :account_webhook)
    new(url, payload, webhook_type).execute
  end

  def initialize(url, payload, webhook_type)
    @url = url
    @payload = payload.as_json
    @webhook_type = webhook_type
  end

  def execute
    uri = URI(@url)
    Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https', open_timeout: TIMEOUT, read_timeout: TIMEOUT) do |http|
      reply = http.post(uri.request_uri, @payload.to_json, HEADERS)
      raise "#{reply.code} #{reply.message}" unless reply.is_a?(Net::HTTPSuccess)
    end
  rescue Net::ReadTimeout
    refuse('Timed out reading data from server')
  rescue StandardError => e
    refuse(e.message)
  end

  private

  def refuse(reason)
    Rails.logger.warn "Exception: Invalid webhook URL #{@url} : #{reason}"
    return unless @webhook_type == :api_inbox_webhook && MARKED.include?(@payload['event'])

    message = Message.find_by(id: @payload['id'])
    Messages::StatusUpdateService.new(message, 'failed', reason).perform if message
  end
end
