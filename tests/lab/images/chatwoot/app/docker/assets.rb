#!/usr/bin/env ruby
# Lays the files that the real build compiles into /app/public: fingerprinted vite assets with their manifest,
# sprockets' output and the widget SDK. It runs while the image is built; nothing compiles at start (facts 1).
# A derived image that stands for a newer release runs it again with another CW_ASSET_BUILD, and gets new names.
require 'digest'
require 'fileutils'
require 'json'

BUILD = ENV.fetch('CW_ASSET_BUILD', '4.6.0')
PUBLIC = File.expand_path('../public', __dir__)
%w[vite packs assets].each { |dir| FileUtils.rm_rf(File.join(PUBLIC, dir)) }

def put(path, content)
  full = File.join(PUBLIC, path)
  FileUtils.mkdir_p(File.dirname(full))
  File.write(full, content)
  path
end

def fingerprinted(name, ext, content)
  put("vite/assets/#{name}-#{Digest::SHA256.hexdigest(content)[0, 8]}.#{ext}", content).delete_prefix('vite/')
end

manifest = %w[dashboard widget superadmin].to_h do |name|
  css = fingerprinted(name, 'css', "/* Chatwoot double #{BUILD}: #{name} */\nbody{font-family:sans-serif;margin:2rem}\n")
  js = fingerprinted(name, 'js', <<~JS)
    // Chatwoot double #{BUILD}: #{name}
    document.documentElement.dataset.cwBuild = '#{BUILD}';
    const app = document.getElementById('app');
    if (app) app.textContent = 'Chatwoot double #{BUILD}, #{name}';
    #{File.read(File.join(__dir__, 'dashboard.js')) if name == 'dashboard'}
  JS
  ["entrypoints/#{name}.js", { file: js, src: "entrypoints/#{name}.js", isEntry: true, css: [css] }]
end
put('vite/.vite/manifest.json', JSON.pretty_generate(manifest))

sprockets = "/* Chatwoot double #{BUILD}: administrate */\n"
put("assets/administrate/application-#{Digest::SHA256.hexdigest(sprockets)}.css", sprockets)
# Its name is drawn anew in each build, and Sprockets reads the first of several (facts 14).
put("assets/.sprockets-manifest-#{Digest::MD5.hexdigest(BUILD)}.json", JSON.generate(assets: {}))
put('packs/js/sdk.js', "// Chatwoot double #{BUILD}: widget SDK\nwindow.chatwootSDK = { run: function () {} };\n")
