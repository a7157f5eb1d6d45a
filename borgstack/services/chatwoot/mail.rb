# Sends one mail as Chatwoot would: from the worker, by its environment, the sender included. Says how
# far it came and what the mail server answered. The password stays in this process.
recipient = ARGV.fetch(0)

class Failed < StandardError; end

# As Rails reads a switch.
def on?(name, default = "") = !["", "0", "f", "false", "off"].include?(ENV.fetch(name, default).downcase)

# The sender as Chatwoot's own mails have it, read by the library that it reads it with.
def sender
  letter = Mail.new
  letter.from = ENV.fetch("MAILER_SENDER_EMAIL", "Chatwoot <accounts@chatwoot.com>").dup.force_encoding("UTF-8")
  address = letter.smtp_envelope_from
  raise Failed, "MAILER_SENDER_EMAIL of the worker is no address" if address.to_s.empty?
  [letter[:from].encoded.strip, address]
end

def letter(from, address, recipient)
  [
    from,
    "To: #{recipient}",
    "Subject: Chatwoot can send mail",
    "Date: #{Time.now.strftime("%a, %d %b %Y %H:%M:%S %z")}",
    "Message-ID: <#{SecureRandom.uuid}@#{address.split("@").last}>",
    "Auto-Submitted: auto-generated",
    "",
    "This is the mail that `borgstack verify --mail` was asked to send, by the settings of Chatwoot",
    "at #{ENV["FRONTEND_URL"]}. It came, so invitations and password resets can come, too.",
    ""
  ].join("\r\n")
end

# Some servers repeat what they did not like, a login among it.
def told(text)
  user, password = ENV["SMTP_USERNAME"].to_s, ENV["SMTP_PASSWORD"].to_s
  # The longest first: it may hold another.
  secrets = [*["\0#{user}\0#{password}", password].map { |one| [one].pack("m0") }, password]
  line = text.to_s.dup.force_encoding("UTF-8").scrub("?").split.join(" ")
  secrets.each { |one| line = line.gsub(one, "***") unless password.empty? }
  line[0, 300]
end

def open_session
  smtp = Net::SMTP.new(
    ENV["SMTP_ADDRESS"], ENV.fetch("SMTP_PORT", "587").to_i,
    tls: on?("SMTP_TLS") || on?("SMTP_SSL"),
    starttls: on?("SMTP_ENABLE_STARTTLS_AUTO", "true") ? :auto : false,
    tls_verify: ENV["SMTP_OPENSSL_VERIFY_MODE"] != "none"
  )
  smtp.open_timeout = 8
  smtp.read_timeout = 15
  smtp.start(helo: ENV.fetch("SMTP_DOMAIN", "localhost"))
end

def send_letter(recipient, said)
  raise Failed, "the worker has no SMTP_ADDRESS" if ENV["SMTP_ADDRESS"].to_s.empty?
  said["step"] = "connection"
  smtp = open_session
  if (user = ENV["SMTP_USERNAME"])
    said["step"] = "login"
    smtp.authenticate(user, ENV["SMTP_PASSWORD"], ENV.fetch("SMTP_AUTHENTICATION", "plain").to_sym)
  end
  from, address = sender
  said["step"] = "sender"
  smtp.mailfrom(address)
  said["step"] = "recipient"
  smtp.rcptto(recipient)
  said["step"] = "text"
  said["accepted"] = told(smtp.data(letter(from, address, recipient)).string)
  smtp.finish
rescue IOError, SystemCallError, Net::ProtocolError
  raise unless said["accepted"] # a server may hang up once it has the mail
end

said = { "step" => "settings", "server" => "#{ENV["SMTP_ADDRESS"]}:#{ENV["SMTP_PORT"]}" }
begin
  send_letter(recipient, said)
rescue Net::SMTPError => error
  said["refused"] = told(error.response ? error.response.string : error.message)
rescue StandardError => error
  said["error"] = told(error.is_a?(Failed) ? error.message : "#{error.class}: #{error.message}")
end
puts "mail #{JSON.generate(said)}"
