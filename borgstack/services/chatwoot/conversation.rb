# Runs in the container of the web process, plain Ruby: no Rails boot. The token comes on stdin and
# leaves this process only in requests to 127.0.0.1. An inbox of its own, whose webhook is a socket
# of this process, so that no declared inbox passes the messages on to a person.
MARK = "borgstack-verify"
WAIT = 15

class Failed < StandardError; end

class Chatwoot
  def initialize(token)
    @token = token
    @http = Net::HTTP.new("127.0.0.1", 3000)
    @http.read_timeout = WAIT
    @http.start
  end

  attr_accessor :account

  def ask(method, path, body = nil)
    request = Net::HTTP.const_get(method).new(path)
    # As Caddy would say: FORCE_SSL redirects everything else.
    request["X-Forwarded-Proto"] = "https"
    request["Content-Type"] = "application/json"
    request["api-access-token"] = @token
    request.body = JSON.generate(body) if body
    answer = @http.request(request)
    # A list is 500 in the moment in which a job of Chatwoot's removes what one of its rows belongs to.
    2.times do
      break unless method == :Get && answer.code >= "500"
      sleep 1
      answer = @http.request(request)
    end
    raise Failed, "#{method.upcase} #{path.split("?").first} answers #{answer.code}" unless answer.code == "200"
    answer.body.to_s.empty? ? {} : JSON.parse(answer.body)
  end

  def in_account(method, path, body = nil)
    ask(method, "/api/v1/accounts/#{@account}/#{path}", body)
  end
end

# What reaches the webhook, as it comes.
class Receiver
  def initialize
    @server = TCPServer.new("0.0.0.0", 0)
    @path = "/#{MARK}-#{SecureRandom.hex(16)}"
    @events = Queue.new
    Thread.new { loop { take(@server.accept) } }
  end

  def url
    own = Socket.ip_address_list.find { |one| one.ipv4? && !one.ipv4_loopback? }
    "http://#{own.ip_address}:#{@server.addr[1]}#{@path}"
  end

  def wait_for(seconds)
    ends = now + seconds
    while (left = ends - now) > 0
      event = @events.pop(timeout: left)
      return true if event && yield(event)
    end
    false
  end

  private

  def take(client)
    _, path = client.gets.to_s.split
    length = 0
    while (line = client.gets) && line != "\r\n"
      length = line[/\d+/].to_i if line.downcase.start_with?("content-length:")
    end
    body = client.read(length)
    client.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    @events << JSON.parse(body) if path == @path
  rescue StandardError
    nil
  ensure
    client.close
  end
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Webhooks go with their inbox; conversations and messages with inbox and contact.
def remove_all(chatwoot)
  chatwoot.in_account(:Get, "inboxes")["payload"].each do |inbox|
    chatwoot.in_account(:Delete, "inboxes/#{inbox["id"]}") if inbox["name"] == MARK
  end
  chatwoot.in_account(:Get, "contacts/search?q=#{MARK}")["payload"].each do |contact|
    chatwoot.in_account(:Delete, "contacts/#{contact["id"]}") if contact["identifier"].to_s.start_with?("#{MARK}-")
  end
end

# Chatwoot removes an inbox in a job of its own.
def gone?(chatwoot)
  ends = now + WAIT
  until now > ends
    inboxes = chatwoot.in_account(:Get, "inboxes")["payload"].map { |inbox| inbox["name"] }
    contacts = chatwoot.in_account(:Get, "contacts/search?q=#{MARK}")["payload"]
    return true if !inboxes.include?(MARK) && contacts.empty?
    sleep 0.2
  end
  false
end

def flow(chatwoot, said)
  receiver = Receiver.new
  channel = { type: "api", webhook_url: receiver.url }
  inbox = chatwoot.in_account(:Post, "inboxes", { name: MARK, channel: channel })["id"]
  identifier = "#{MARK}-#{SecureRandom.hex(8)}"
  payload = chatwoot.in_account(:Post, "contacts", { name: MARK, identifier: identifier, inbox_id: inbox })["payload"]
  contact = payload["contact"]["id"]
  # Without its source_id an API inbox would get another, random contact_inbox.
  conversation = chatwoot.in_account(:Post, "conversations", {
    inbox_id: inbox, contact_id: contact, source_id: payload["contact_inbox"]["source_id"], status: "open"
  })["id"]
  texts = { 0 => "in #{SecureRandom.hex(8)}", 1 => "out #{SecureRandom.hex(8)}" }
  chatwoot.in_account(:Post, "conversations/#{conversation}/messages", { content: texts[0], message_type: "incoming" })
  said["in"] = true
  replied = now
  chatwoot.in_account(:Post, "conversations/#{conversation}/messages", { content: texts[1], message_type: "outgoing" })
  said["out"] = true
  seen = chatwoot.in_account(:Get, "conversations/#{conversation}/messages")["payload"]
  said["seen"] = texts.all? { |kind, text| seen.any? { |one| one["content"] == text && one["message_type"] == kind } }
  said["arrived"] = receiver.wait_for(WAIT) do |event|
    event["event"] == "message_created" && event["message_type"] == "outgoing" && event["content"] == texts[1]
  end
  said["milliseconds"] = ((now - replied) * 1000).round
end

said = { "token" => false }
begin
  token = STDIN.read.to_s
  raise Failed, "there is no CHATWOOT_API_TOKEN in .env" if token.empty?
  chatwoot = Chatwoot.new(token)
  accounts = chatwoot.ask(:Get, "/api/v1/profile")["accounts"]
  account = accounts.find { |one| one["role"] == "administrator" }
  raise Failed, "the user of the token administers no account" if account.nil?
  said["token"] = true
  chatwoot.account = account["id"]
  begin
    remove_all(chatwoot)
    flow(chatwoot, said)
  ensure
    remove_all(chatwoot)
    said["removed"] = gone?(chatwoot)
  end
rescue StandardError => error
  # Of any other error the class alone: its message could quote what people wrote.
  said["error"] = error.is_a?(Failed) ? error.message : error.class.name
end
puts "conversation #{JSON.generate(said)}"
